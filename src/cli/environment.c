#include "cli/environment.h"

#include <stddef.h>
#include <string.h>

const char *environment_find(char *const *environment, const char *name)
{
    const size_t length = strlen(name);

    for (char *const *e = environment; e != NULL && *e != NULL; e++)
        if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
            return *e + length + 1;
    return NULL;
}

bool environment_number(char *const *environment, const char *name, uint64_t *ret_number)
{
    const char *text = environment_find(environment, name);
    uint64_t number = 0;

    if (text == NULL || *text == '\0')
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (unsigned)(*text - '0'), &number))
            return false;
    if (*text != '\0')
        return false;
    *ret_number = number;
    return true;
}
