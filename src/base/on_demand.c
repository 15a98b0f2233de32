#include "base/on_demand.h"

#include <dlfcn.h>

bool on_demand_load(const char *name, const struct on_demand_call *calls, size_t n, void *ret_calls)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; library != NULL && i < n; i++) {
        void *found = dlsym(library, calls[i].name);

        if (found == NULL)
            return false;
        /* POSIX lets a function be found so; ISO C has no cast for it. */
        memcpy((char *)ret_calls + calls[i].offset, &found, sizeof(found));
    }
    return library != NULL;
}
