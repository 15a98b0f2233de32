#include "cli/settle.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Never written to after loading: the loader's own relocations are in segments that are writable, or were. */
static bool is_read_only(const ElfW(Phdr) *segment)
{
    return segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0;
}

static int let_go(struct dl_phdr_info *object, size_t size, void *argument)
{
    const uintptr_t page = *(const uintptr_t *)argument;

    (void)size;
    for (ElfW(Half) i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        const uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        const uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;

        /* The kernel's own page among them (the vDSO) refuses, and may. */
        if (is_read_only(segment))
            (void)!madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void memory_settle(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    malloc_trim(0);
    dl_iterate_phdr(let_go, &page);
}
