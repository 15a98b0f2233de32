#include "../check.h"
#include "app/docs/negotiate.h"

static const struct {
    const char *accept_encoding;
    bool accepts;
} ENCODINGS[] = {
    { NULL, false },          { "", false },           { "gzip", true },            { "GZIP", true },
    { "x-gzip", true },       { "br", false },         { "gzipped", false },        { "br, gzip", true },
    { "gzip;q=0", false },    { "gzip; q=0.000", false }, { "gzip;q=0.001", true }, { "gzip ; Q=1", true },
    { "*", true },            { "*;q=0", false },      { "*;q=0, gzip", true },     { "gzip;q=0, *", false },
    { "identity", false },    { ",,", false },         { " , gzip ,", true },       { ";q=1", false },
};

static void gzip_is_sent_to_who_takes_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ENCODINGS) / sizeof(ENCODINGS[0]); i++)
        if (accepts_gzip(dw_str(ENCODINGS[i].accept_encoding)) != ENCODINGS[i].accepts)
            fail_msg("Accept-Encoding: %s", ENCODINGS[i].accept_encoding);
}

static const struct {
    const char *if_none_match;
    bool is_known;
} TAGS[] = {
    { NULL, false },          { "", false },        { "\"a1\"", true },     { "W/\"a1\"", true },
    { "\"b\", \"a1\"", true }, { "\"a\"", false },  { "a1", false },        { "*", true },
    { "\"a10\"", false },     { "\"A1\"", false },  { "w/\"a1\"", false },  { "\"b\",W/\"a1\" ,\"c\"", true },
};

static void a_known_tag_is_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(TAGS) / sizeof(TAGS[0]); i++)
        if (etag_is_known(dw_str(TAGS[i].if_none_match), DW_STR("\"a1\"")) != TAGS[i].is_known)
            fail_msg("If-None-Match: %s", TAGS[i].if_none_match);
}

CHECK_MAIN(cmocka_unit_test(gzip_is_sent_to_who_takes_it), cmocka_unit_test(a_known_tag_is_recognised))
