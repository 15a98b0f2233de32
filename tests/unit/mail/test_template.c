/* Templates: placeholders, escaping, and what stops the start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/template.h"

#include <unistd.h>

static const struct mail_value VALUES[] = {
    { "username", DW_STR_INIT("<b>&\"'") }, { "link", DW_STR_INIT("{{token}}") }, { NULL },
};

static void placeholders_are_replaced(void **state)
{
    static const struct {
        const char *text;
        enum mail_escape escape;
        enum dw_err err;
        const char *expected;
    } ROWS[] = {
        { "", MAIL_PLAIN, DW_OK, "" },
        { "no }} braces { here", MAIL_PLAIN, DW_OK, "no }} braces { here" },
        { "Hi {{username}}!", MAIL_PLAIN, DW_OK, "Hi <b>&\"'!" },
        { "Hi {{username}}!", MAIL_HTML, DW_OK, "Hi &lt;b&gt;&amp;&quot;&#39;!" },
        { "{{link}}{{link}}", MAIL_HTML, DW_OK, "{{token}}{{token}}" }, /* a value is no template */
        { "{{nobody}}", MAIL_PLAIN, DW_ERR_TABLE, NULL },
        { "{{ username }}", MAIL_PLAIN, DW_ERR_TABLE, NULL },
        { "{{username", MAIL_PLAIN, DW_ERR_TABLE, NULL },
        { "{{}}", MAIL_PLAIN, DW_ERR_TABLE, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(1024);

        assert_int_equal(mail_render(dw_str(ROWS[i].text), VALUES, ROWS[i].escape, &b), ROWS[i].err);
        if (ROWS[i].expected != NULL)
            assert_true(dw_str_eq(buffer_str(&b), dw_str(ROWS[i].expected)));
    }
}

static void the_built_in_ones_are_good(void **state)
{
    _cleanup_(mail_templates_free) struct mail_templates *templates = NULL;
    char problem[MAIL_PROBLEM_SIZE];

    (void)state;
    assert_int_equal(mail_templates_load(NULL, &templates, problem), DW_OK);
    for (const struct mail_template_source *s = MAIL_TEMPLATES; s->name != NULL; s++) {
        const struct mail_template *t = mail_template_find(templates, dw_str(s->name));

        assert_non_null(t);
        /* A link to follow, or a notice that says when. */
        const bool has_link = strcmp(s->name, "reset") == 0 || strcmp(s->name, "verify") == 0;
        const struct dw_str in_text = has_link ? DW_STR("{{token}}") : DW_STR("{{when}}"),
                            in_html = has_link ? DW_STR("href=\"{{link}}\"") : DW_STR("{{from}}");

        assert_non_null(memmem(t->text.ptr, t->text.len, in_text.ptr, in_text.len));
        assert_non_null(memmem(t->html.ptr, t->html.len, in_html.ptr, in_html.len));
    }
    assert_null(mail_template_find(templates, DW_STR("other")));
}

static void a_folder_may_hold_others(void **state)
{
    static const struct {
        const char *name, *content, *problem; /* NULL: good */
    } ROWS[] = {
        { "reset.txt", "Subject: Mine\n\nGo to {{link}}\n", NULL },
        { "reset.html", "<p>{{link}}</p>\n", NULL },
        { "reset.txt", "Go to {{link}}\n", "reset.txt: starts with" },
        { "reset.txt", "Subject: \n\nGo to {{link}}\n", "reset.txt: starts with" },
        { "reset.txt", "Subject: Mine\nBcc: bob@example.com\n\nx", "reset.txt: starts with" },
        { "reset.txt", "Subject: {{nobody}}\n\nx", "reset.txt: a placeholder" },
        { "verify.html", "{{link", "verify.html: a placeholder" },
        { "verify.html", "\xff", "verify.html: a placeholder" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(mail_templates_free) struct mail_templates *templates = NULL;
        char folder[] = "/tmp/doorward-mail-XXXXXX", path[128], problem[MAIL_PROBLEM_SIZE];

        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/%s", folder, ROWS[i].name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(ROWS[i].content, file);
        fclose(file);
        const enum dw_err err = mail_templates_load(folder, &templates, problem);
        unlink(path);
        rmdir(folder);
        assert_int_equal(err, ROWS[i].problem == NULL ? DW_OK : DW_ERR_SETTING);
        if (ROWS[i].problem != NULL)
            assert_int_equal(strncmp(problem, ROWS[i].problem, strlen(ROWS[i].problem)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_are_replaced),
        cmocka_unit_test(the_built_in_ones_are_good),
        cmocka_unit_test(a_folder_may_hold_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
