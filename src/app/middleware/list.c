#include "app/middleware/middleware.h"

const struct middleware *const MIDDLEWARE[] = {
    &MIDDLEWARE_ACCESS_LOG,
    &MIDDLEWARE_REQUEST_ID,
    &MIDDLEWARE_SECURITY_HEADERS,
    &MIDDLEWARE_COOKIES,
};
const size_t MIDDLEWARE_COUNT = ARRAY_SIZE(MIDDLEWARE);
