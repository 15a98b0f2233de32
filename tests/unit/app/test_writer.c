/* Answers written from structs: what is declared, and nothing else. */
#include "../check.h"

#include "app/model.h"
#include "base/encoding.h"

struct part {
    struct dw_str name;
};

struct whole {
    struct dw_str plain, omitted, words, raw, hash;
    int64_t n, when, gone;
    double ratio;
    bool flag;
    struct part part;
    struct dw_list parts, numbers, names;
};

static const struct dw_model PART = { .name = "Part",
                                      .size = sizeof(struct part),
                                      .fields = (const struct dw_field[]){
                                          { DW_FIELD(struct part, name), .type = DW_STRING }, { 0 } } };

static const struct dw_model WHOLE = {
    .name = "Whole",
    .size = sizeof(struct whole),
    .fields =
        (const struct dw_field[]){
            { DW_FIELD(struct whole, omitted), .type = DW_STRING, .flags = DW_OMIT_ABSENT },
            { DW_FIELD(struct whole, plain), .type = DW_STRING },
            { DW_FIELD(struct whole, words), .type = DW_WORDS },
            { DW_FIELD(struct whole, raw), .type = DW_RAW_JSON },
            { DW_FIELD(struct whole, n), .type = DW_INT },
            { DW_FIELD_AS(struct whole, when, "at-\"time\""), .type = DW_TIME },
            { DW_FIELD(struct whole, gone), .type = DW_TIME, .flags = DW_OMIT_ABSENT },
            { DW_FIELD(struct whole, ratio), .type = DW_NUMBER },
            { DW_FIELD(struct whole, flag), .type = DW_BOOL },
            { DW_FIELD(struct whole, part), .type = DW_OBJECT, .model = &PART },
            { DW_FIELD(struct whole, parts), .type = DW_LIST, .items = DW_OBJECT, .model = &PART },
            { DW_FIELD(struct whole, numbers), .type = DW_LIST, .items = DW_INT },
            { DW_FIELD(struct whole, names), .type = DW_LIST, .items = DW_STRING },
            { 0 } },
};

struct writer {
    struct model_set set;
    const struct model_plan *plan;
    struct buffer out;
};

static void writer_make(struct writer *w, const struct dw_model *model)
{
    struct problem p = { "" };

    *w = (struct writer){ .out = BUFFER_INIT(1 << 20) };
    CHECK_OK(dw_arena_new(1 << 20, &w->set.arena));
    CHECK_OK(model_set_add(&w->set, model, MODEL_OUT, &p, &w->plan));
    model_set_finish(&w->set);
}

static void writer_free(struct writer *w)
{
    model_set_free(&w->set);
    dw_arena_free(&w->set.arena);
    buffer_free(&w->out);
}

static void check_written(const struct dw_model *model, const void *from, const char *expected)
{
    _cleanup_(writer_free) struct writer w;

    writer_make(&w, model);
    model_write(w.plan, from, &w.out);
    CHECK_OK(buffer_error(&w.out));
    check_str(dw_str(expected), buffer_str(&w.out), expected);
}

static void test_empty(void **state)
{
    const struct whole empty = { .when = -1, .gone = -1 };

    check_written(
        &WHOLE, &empty,
        "{\"plain\":null,\"words\":[],\"raw\":null,\"n\":0,\"at-\\\"time\\\"\":null,\"ratio\":0,\"flag\":false,"
        "\"part\":{\"name\":null},\"parts\":[],\"numbers\":[],\"names\":[]}");
}

static void test_full(void **state)
{
    struct part parts[] = { { DW_STR_INIT("a") }, { DW_STR_INIT("b") } };
    int64_t numbers[] = { INT64_MIN, INT64_MAX };
    struct dw_str names[] = { DW_STR_INIT("x"), DW_STR_INIT("\"\n") };
    const struct whole full = {
        .plain = DW_STR_INIT("é<"),
        .omitted = DW_STR_INIT(""),
        .words = DW_STR_INIT("a  b"),
        .raw = DW_STR_INIT("[1]"),
        .hash = DW_STR_INIT("$argon2id$"),
        .n = -5,
        .when = 0,
        .gone = 1795453200,
        .ratio = 0.1,
        .flag = true,
        .part = { DW_STR_INIT("p") },
        .parts = { parts, 2 },
        .numbers = { numbers, 2 },
        .names = { names, 2 },
    };

    check_written(
        &WHOLE, &full,
        "{\"omitted\":\"\",\"plain\":\"é<\",\"words\":[\"a\",\"b\"],\"raw\":[1],\"n\":-5,"
        "\"at-\\\"time\\\"\":\"1970-01-01T00:00:00Z\",\"gone\":\"2026-11-23T17:00:00Z\",\"ratio\":0.1,\"flag\":true,"
        "\"part\":{\"name\":\"p\"},\"parts\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
        "\"numbers\":[-9223372036854775808,9223372036854775807],\"names\":[\"x\",\"\\\"\\n\"]}");
}

/* "Never", as programs say it, is still a time that every reader knows. */
static void test_never(void **state)
{
    const struct whole never = { .when = INT64_MAX, .gone = RFC3339_LAST_S + 1 };

    check_written(
        &WHOLE, &never,
        "{\"plain\":null,\"words\":[],\"raw\":null,\"n\":0,\"at-\\\"time\\\"\":\"9999-12-31T23:59:59Z\","
        "\"gone\":\"9999-12-31T23:59:59Z\",\"ratio\":0,\"flag\":false,"
        "\"part\":{\"name\":null},\"parts\":[],\"numbers\":[],\"names\":[]}");
}

struct number {
    double value;
};

static const struct dw_model NUMBER = { .name = "Number",
                                        .size = sizeof(struct number),
                                        .fields = (const struct dw_field[]){
                                            { DW_FIELD(struct number, value), .type = DW_NUMBER }, { 0 } } };

static void test_numbers(void **state)
{
    static const struct {
        double value;
        const char *expected;
    } ROWS[] = {
        { 1, "{\"value\":1}" },
        { -0.5, "{\"value\":-0.5}" },
        { 0.1 + 0.2, "{\"value\":0.30000000000000004}" },
        { 1e300, "{\"value\":1e+300}" },
        { __builtin_inf(), "{\"value\":null}" },
        { __builtin_nan(""), "{\"value\":null}" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_written(&NUMBER, &ROWS[i].value, ROWS[i].expected);
}

/* A tree that holds itself: ends at a limit, not at the end of the stack. */
struct tree {
    struct dw_list children;
};

static const struct dw_model TREE;
static const struct dw_field TREE_FIELDS[] = {
    { DW_FIELD(struct tree, children), .type = DW_LIST, .items = DW_OBJECT, .model = &TREE }, { 0 }
};
static const struct dw_model TREE = { .name = "Tree", .size = sizeof(struct tree), .fields = TREE_FIELDS };

static void test_depth(void **state)
{
    _cleanup_(writer_free) struct writer w;
    struct tree leaf = { 0 }, node = { { &leaf, 1 } }, loop;

    check_written(&TREE, &node, "{\"children\":[{\"children\":[]}]}");
    loop = (struct tree){ { &loop, 1 } };
    writer_make(&w, &TREE);
    model_write(w.plan, &loop, &w.out);
    CHECK_ERR(DW_ERR_LIMIT, buffer_error(&w.out));
}

CHECK_MAIN(cmocka_unit_test(test_empty), cmocka_unit_test(test_full), cmocka_unit_test(test_never),
           cmocka_unit_test(test_numbers), cmocka_unit_test(test_depth))
