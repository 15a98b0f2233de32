/* Any bytes as JSON. What is taken must read the same after it was written. */
#include "base/cleanup.h"
#include "base/json.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_buffer_ struct buffer first = BUFFER_INIT(8 << 20), second = BUFFER_INIT(8 << 20);
    yyjson_val *root, *again;

    if (dw_arena_new(16 << 20, &arena) != DW_OK)
        return 0;
    if (json_parse(arena, dw_str_n(data, size), JSON_DEPTH_DEFAULT, &root, NULL) != DW_OK)
        return 0;
    json_write_value(&first, root);
    if (json_parse(arena, buffer_str(&first), JSON_DEPTH_DEFAULT, &again, NULL) != DW_OK)
        abort();
    json_write_value(&second, again);
    if (!dw_str_eq(buffer_str(&first), buffer_str(&second)))
        abort();
    return 0;
}
