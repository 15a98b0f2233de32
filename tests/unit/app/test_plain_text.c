#include "../check.h"

#include "app/model.h"

static void test_strip(void **state)
{
    static const struct {
        const char *html, *text;
    } ROWS[] = {
        { "", "" },
        { "plain", "plain" },
        { "a < b > c", "a < b > c" },
        { "1<2", "1<2" },
        { "I <3 you", "I <3 you" },
        { "<b>bold</b>", "bold" },
        { "<script>alert(1)</script>", "alert(1)" },
        { "a<!-- c -->b", "ab" },
        { "a<?php ?>b", "ab" },
        { "<img src=x onerror=alert(1)", "" },
        { "<<b>script>alert(1)<<b>/script>", "script>alert(1)/script>" },
        { "<<<b>b>b>", "b>b>" },
        { "end<", "end<" },
        { "é<i>é</i>", "éé" },
        { "Tom & \"Ann\"", "Tom & \"Ann\"" },
    };
    _cleanup_arena_ struct dw_arena *arena = NULL;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_str(dw_str(ROWS[i].text), plain_text_strip(arena, dw_str(ROWS[i].html)), ROWS[i].html);
}

/* Linear also where every character opens something: this ends at once or the test runner's limit is hit. */
static void test_hostile(void **state)
{
    enum { SIZE = 1 << 20 };
    _cleanup_arena_ struct dw_arena *arena = NULL;
    _cleanup_free_ char *html = malloc(SIZE);

    assert_non_null(html);
    CHECK_OK(dw_arena_new(4 * SIZE, &arena));
    for (size_t i = 0; i < SIZE; i++)
        html[i] = i < SIZE / 2 ? '<' : "b>"[i % 2];
    const struct dw_str text = plain_text_strip(arena, dw_str_n(html, SIZE));
    for (size_t i = 0; i + 1 < text.len; i++)
        assert_false(text.ptr[i] == '<' && text.ptr[i + 1] == 'b');
}

CHECK_MAIN(cmocka_unit_test(test_strip), cmocka_unit_test(test_hostile))
