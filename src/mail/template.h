/*
 * The texts of mails, as files: a pair NAME.txt (first line "Subject: …", an empty line, the text) and NAME.html.
 *
 * Why: whoever runs the server changes the words without building it. The files of templates/ are built in; a folder
 * may hold others that are taken instead. A placeholder is {{name}}, nothing more: no conditions, no loops.
 * Defends against: HTML in values (escaped in the HTML part, always), a misspelt placeholder (every template is checked
 * when loaded, so that the start fails and not the mail).
 * Lifetime: a loaded set owns its texts. Threading: immutable once loaded.
 */
#ifndef MAIL_TEMPLATE_H
#define MAIL_TEMPLATE_H

#include "base/buffer.h"

enum { MAIL_PROBLEM_SIZE = 256, MAIL_TEMPLATE_MAX_BYTES = 64 * 1024 };

/* What is built in; ends with a NULL name. */
struct mail_template_source {
    const char *name, *text, *html;
};

extern const struct mail_template_source MAIL_TEMPLATES[];

struct mail_template {
    const char *name;
    struct dw_str subject, text, html;
};

/* What stands for {{name}}. A list ends with a NULL name. */
struct mail_value {
    const char *name;
    struct dw_str text;
};

/* All names that a template may use: mail_templates_load() refuses others. */
extern const char *const MAIL_PLACEHOLDERS[];

struct mail_templates;

/* folder: where files that replace built-in ones may stand, each by itself; NULL: none. DW_ERR_SETTING, and ret_problem
 * says which file and why, when one can't be read or used. */
DW_MUST_USE enum dw_err mail_templates_load(const char *folder, struct mail_templates **ret_templates,
                                            char ret_problem[MAIL_PROBLEM_SIZE]);
void mail_templates_free(struct mail_templates **templates);
/* NULL when there is none of that name. */
const struct mail_template *mail_template_find(const struct mail_templates *templates, struct dw_str name);

enum mail_escape { MAIL_PLAIN, MAIL_HTML };

/* Appends `text` with its placeholders replaced. DW_ERR_TABLE: one is not closed or not among the values. */
DW_MUST_USE enum dw_err mail_render(struct dw_str text, const struct mail_value *values, enum mail_escape escape,
                                    struct buffer *b);

#endif
