/*
 * Settings: one table, read once at the start.
 *
 * A row says the name, the type, the default, what is allowed, and what it means; parsing, `doorward settings` and
 * docs/settings.md come from it. Sources, the first one wins: the command line (where a command has an option for it),
 * the environment, `.env` in the working directory, the default. A secret may also come from the file that NAME_FILE
 * names.
 * Defends against: a server that starts with something else than was meant (a wrong value, two values for one setting,
 * a misspelt name, a setting of another version: each is told by name), secrets in error texts.
 * Lifetime: strings live in the arena of the struct. Threading: immutable once loaded.
 */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "base/buffer.h"
#include <doorward/jose.h>
#include <doorward/password.h>

#define SETTINGS_PREFIX "DOORWARD_"
#define SETTINGS_FILE ".env"
#define SETTINGS_SECRET_FILE "doorward.secret"

/*    type               member of struct settings     written as */
enum setting_type {
    SETTING_TEXT = 1,    /* const char *               printable, no blanks */
    SETTING_ADDRESS,     /* const char *               127.0.0.1:8080, [::1]:8080, :8080 */
    SETTING_URL,         /* const char *               http(s)://host[:port][/path] without a slash at the end */
    SETTING_DATABASE,    /* const char *               scheme:rest; .choices are the schemes */
    SETTING_DURATION,    /* int64_t, seconds           30s, 15m, 12h, 7d, or plain seconds */
    SETTING_SIZE,        /* int64_t, bytes             64KiB, 19MiB, 1GiB, or plain bytes */
    SETTING_INT,         /* int64_t                    digits */
    SETTING_CHOICE,      /* int64_t                    one of .choices */
    SETTING_RATES,       /* const char *               none, or 10/minute, 100 per hour;10 per second */
    SETTING_NETWORKS,    /* const char *               addresses and networks, separated by commas */
    SETTING_HOSTS,       /* const char *               *, or names and *.names, separated by commas */
    SETTING_ORIGINS,     /* const char *               *, or https://app.example.com, separated by commas */
    SETTING_PATTERN,     /* const char *               PCRE2 */
    SETTING_SECRET,      /* struct dw_secret           32 characters or more; or NAME_FILE */
    SETTING_TOKEN,       /* struct dw_secret           what Authorization: Bearer can carry; or NAME_FILE */
    SETTING_SMTP,        /* struct dw_secret           smtp(s)://[user:password@]host[:port]; or NAME_FILE */
    SETTING_MAIL_ADDRESS, /* const char *              name@example.com */
    SETTING_REDIS,       /* struct dw_secret           redis://[[user]:password@]host[:port][/db]; or NAME_FILE */
};

struct setting_choice {
    const char *text;    /* NULL ends the list */
    int64_t value;
    const char *refused; /* why this one is known but not taken; NULL: taken */
};

struct setting {
    const char *name;    /* without the prefix; NULL ends the table */
    enum setting_type type;
    const char *initial; /* the default as one would write it; NULL: see `otherwise` or `follows` */
    const char *follows; /* the setting, earlier in the table, whose value is the default */
    const char *otherwise; /* in words: what holds without a value */
    int64_t min, max;    /* of numbers, inclusive */
    const struct setting_choice *choices;
    const char *meaning;
    size_t offset;
    bool is_live; /* a running server takes a new value up (SIGHUP) */
};

enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_COMMAND_LINE };

/* Where a value came from, and how it was written; by row of the table. */
struct setting_origin {
    enum setting_source source;
    const char *text;        /* NULL: no value was given, and there is no default to write down */
    const char *secret_file; /* the file that NAME_FILE named; NULL: none */
};

enum { SETTINGS_MAX = 64, SETTING_TEXT_MAX = 1024, SECRET_MIN_SIZE = 32 };

struct settings {
    const char *listen;
    const char *tls_cert, *tls_key; /* NULL: plain http */
    const char *public_url;
    const char *database_url;
    int64_t database_connections, database_timeout_s;
    struct dw_secret redis_url;  /* empty: none */
    struct dw_secret secret_key; /* empty: the file doorward.secret */
    int64_t jwt_algorithm;       /* enum dw_alg */
    const char *issuer;
    const char *audience;
    int64_t access_ttl_s, refresh_ttl_s, refresh_grace_s;
    int64_t session_idle_s, session_ttl_s;
    int64_t reauth_ttl_s;
    int64_t refresh_family_ttl_s, sessions_max;
    int64_t api_key_overlap_s;
    int64_t password_min;
    const char *password_words, *password_breached; /* NULL: none */
    int64_t password_scheme;     /* enum dw_password_scheme */
    int64_t argon2_memory_bytes, argon2_time;
    int64_t hash_workers;        /* 0: one a core */
    int64_t hash_queue;
    int64_t log_level;           /* enum log_level */
    int64_t log_format;          /* enum log_format */
    int64_t registration_open;
    const char *rate_limit_login, *rate_limit_register, *rate_limit_forgot, *rate_limit_default; /* "none" or a rule */
    const char *trusted_proxies; /* NULL: none */
    const char *trusted_hosts;   /* NULL or "*": any */
    int64_t https_redirect;
    const char *cors_origins, *cors_origin_pattern; /* NULL: none */
    int64_t reset_ttl_s, verify_ttl_s;
    struct dw_secret smtp_url;   /* empty: mails become files */
    const char *smtp_ca;         /* NULL: the system's certificates */
    const char *mail_from;
    int64_t sign_in_notices;
    const char *mail_templates;  /* NULL: the built-in ones */
    int64_t stop_delay_s;
    const char *metrics_listen;     /* NULL: /metrics is where everything is */
    struct dw_secret metrics_token; /* empty: none is asked for at metrics_listen; without that either, no metrics */
    int64_t key_rotation_s, key_lead_s;
    int64_t workers;             /* 0: one a core */

    struct setting_origin origins[SETTINGS_MAX];
    struct dw_arena *arena;
};

extern const struct setting SETTINGS[];

/* Where values come from. */
struct settings_sources {
    const char *const *overrides;  /* "LISTEN", "127.0.0.1:80", …, NULL; may be NULL: none */
    char *const *environment;      /* "NAME=value", …, NULL */
    const char *env_file;          /* its path; a missing file is fine. NULL: none */
};

/* What is to be told, a line each. */
struct settings_report {
    struct buffer problems;
    struct buffer warnings;
};

enum { SETTINGS_REPORT_MAX = 64 * 1024 };
#define SETTINGS_REPORT_INIT                                                                                           \
    { .problems = BUFFER_INIT(SETTINGS_REPORT_MAX), .warnings = BUFFER_INIT(SETTINGS_REPORT_MAX) }

void settings_report_free(struct settings_report *report);

/* DW_ERR_SETTING when the report has problems: all of them, not only the first. DW_ERR_ARGUMENT when an override is
 * among the wrong ones. */
DW_MUST_USE enum dw_err settings_load(const struct settings_sources *sources, struct settings **ret_settings,
                                      struct settings_report *report);
void settings_free(struct settings **settings);

/* The row's number; -1 when there is no such setting. */
int setting_find(struct dw_str name);
/* Whether its value must never be shown, and may come from a file. */
bool setting_is_secret(const struct setting *setting);
/* "default", ".env", "environment", "command line". */
const char *setting_source_word(enum setting_source source);

/* --- one value (settings_value.c) ------------------------------------------------------------------------------- */

enum { SETTING_PROBLEM_SIZE = 400 };

/* Parses `text` as the row says and stores it in `settings` (whose arena is there). False, with ret_problem saying what
 * is allowed instead, when it is wrong. The problem never holds the value of a secret. */
bool setting_store(const struct setting *setting, struct dw_str text, struct settings *settings,
                   char ret_problem[SETTING_PROBLEM_SIZE]);
/* What is allowed, in words: "10s to 24h", "ES256, ES384, …". */
void setting_allowed(const struct setting *setting, char ret_text[SETTING_PROBLEM_SIZE]);
/* Seconds and bytes as one would write them: "15m", "19MiB". */
void setting_format_number(enum setting_type type, int64_t value, char *ret_text, size_t size);

#endif
