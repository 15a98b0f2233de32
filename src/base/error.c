#include <doorward/error.h>

#define ERROR_ROW(symbol, row_code, row_status, row_oauth, row_message)                                                \
    [symbol] = { .code = (row_code), .status = (row_status), .oauth = (row_oauth), .message = (row_message) },

static const struct dw_error_info ERRORS[DW_ERR_COUNT] = { DW_ERRORS(ERROR_ROW) };

const struct dw_error_info *dw_error_info(enum dw_err err)
{
    return (unsigned)err < DW_ERR_COUNT ? &ERRORS[err] : &ERRORS[DW_ERR_INTERNAL];
}
