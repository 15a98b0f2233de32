#include "cli/nearest.h"

#include "base/cleanup.h"

enum { NAME_MAX_SIZE = 64 };

/* Levenshtein's distance, one row of the matrix at a time. */
unsigned nearest_distance(struct dw_str a, struct dw_str b)
{
    unsigned row[NAME_MAX_SIZE + 1];

    if (a.len > NAME_MAX_SIZE || b.len > NAME_MAX_SIZE)
        return NAME_MAX_SIZE + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            const unsigned change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);

            diagonal = row[j];
            row[j] = MIN_OF(change, MIN_OF(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

bool nearest_is_likely(unsigned distance, struct dw_str name)
{
    return distance <= 2 || distance * 3 <= name.len;
}
