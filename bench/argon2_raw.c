/*
 * What the machine can hash: Argon2id alone, a thread a core, each with memory of its own that it keeps, in huge pages
 * where there are some: with ordinary ones it is slower, and Doorward would look better than it is.
 *
 *     argon2_raw THREADS MEMORY_KIB TIME SECONDS        {"name","threads","per_s","per_cpu_s"}
 */
#include <argon2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { THREADS_MAX = 256, HUGE_PAGE = 2 << 20 };

struct job {
    uint32_t memory_kib, time;
    double end_s;
    unsigned done;
    pthread_t thread;
};

static __thread uint8_t *kept;

static double clock_s(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int allocate(uint8_t **memory, size_t bytes)
{
    if (kept == NULL) {
        const size_t rounded = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
        kept = aligned_alloc(HUGE_PAGE, rounded);
        if (kept == NULL)
            return ARGON2_MEMORY_ALLOCATION_ERROR;
        madvise(kept, rounded, MADV_HUGEPAGE);
    }
    *memory = kept;
    return ARGON2_OK;
}

static void release(uint8_t *memory, size_t bytes)
{
    (void)memory;
    (void)bytes;
}

static void hash(const struct job *job)
{
    uint8_t tag[32], password[] = "correct horse battery", salt[16] = { 1, 2, 3 };
    argon2_context context = {
        .out = tag,
        .outlen = sizeof(tag),
        .pwd = password,
        .pwdlen = sizeof(password) - 1,
        .salt = salt,
        .saltlen = sizeof(salt),
        .t_cost = job->time,
        .m_cost = job->memory_kib,
        .lanes = 1,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = allocate,
        .free_cbk = release,
        .flags = ARGON2_DEFAULT_FLAGS,
    };

    if (argon2id_ctx(&context) != ARGON2_OK)
        abort();
}

static void *run(void *argument)
{
    struct job *job = argument;

    for (; clock_s(CLOCK_MONOTONIC) < job->end_s; job->done++)
        hash(job);
    free(kept);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct job jobs[THREADS_MAX];
    const unsigned threads = argc == 5 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    unsigned done = 0;

    if (threads == 0 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: argon2_raw THREADS MEMORY_KIB TIME SECONDS\n");
        return 2;
    }
    const double start_s = clock_s(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < threads; i++) {
        jobs[i] = (struct job){ .memory_kib = (uint32_t)strtoul(argv[2], NULL, 10),
                                .time = (uint32_t)strtoul(argv[3], NULL, 10),
                                .end_s = start_s + atof(argv[4]) };
        if (pthread_create(&jobs[i].thread, NULL, run, &jobs[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(jobs[i].thread, NULL);
        done += jobs[i].done;
    }
    printf("{\"name\":\"argon2id\",\"threads\":%u,\"per_s\":%.2f,\"per_cpu_s\":%.2f}\n", threads,
           done / (clock_s(CLOCK_MONOTONIC) - start_s), done / clock_s(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}
