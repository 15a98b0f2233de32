#include "cli/settings.h"

#include "base/log.h"

/* Who holds the key of a symmetric algorithm can sign as well as verify: it must never be published. */
#define SYMMETRIC "its key would let everyone who can verify a token make one; the published keys are asymmetric"

static const struct setting_choice JWT_ALGORITHMS[] = {
    { "ES256", DW_ALG_ES256 }, { "ES384", DW_ALG_ES384 }, { "ES512", DW_ALG_ES512 },
    { "RS256", DW_ALG_RS256 }, { "RS384", DW_ALG_RS384 }, { "RS512", DW_ALG_RS512 },
    { "PS256", DW_ALG_PS256 }, { "PS384", DW_ALG_PS384 }, { "PS512", DW_ALG_PS512 },
    { "EdDSA", DW_ALG_EDDSA },
    { "HS256", DW_ALG_HS256, SYMMETRIC },
    { "HS384", DW_ALG_HS384, SYMMETRIC },
    { "HS512", DW_ALG_HS512, SYMMETRIC },
    { "none", DW_ALG_NONE_GIVEN, "tokens are always signed" },
    { NULL },
};

static const struct setting_choice PASSWORD_SCHEMES[] = {
    { "argon2id", DW_PASSWORD_ARGON2ID }, { "scrypt", DW_PASSWORD_SCRYPT }, { "bcrypt", DW_PASSWORD_BCRYPT }, { NULL },
};

static const struct setting_choice DATABASES[] = {
    { "sqlite:", 0 },
    { "postgresql://", 0 },
    { "postgres:", 0, "write postgresql://" },
    { NULL },
};

static const struct setting_choice LOG_LEVELS[] = {
    { "error", LOG_ERROR }, { "warning", LOG_WARNING }, { "info", LOG_INFO }, { "debug", LOG_DEBUG }, { NULL },
};

static const struct setting_choice LOG_FORMATS[] = {
    { "json", LOG_FORMAT_JSON }, { "text", LOG_FORMAT_TEXT }, { NULL },
};

static const struct setting_choice ON_OR_OFF[] = {
    { "on", 1 }, { "off", 0 }, { "true", 1 }, { "false", 0 }, { NULL },
};

static const struct setting_choice OPEN_OR_CLOSED[] = { { "open", 1 }, { "closed", 0 }, { NULL } };

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
    MINUTE = 60,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR,
};

#define AT(member) .offset = offsetof(struct settings, member)

const struct setting SETTINGS[] = {
    { "LISTEN", SETTING_ADDRESS, "127.0.0.1:8080", AT(listen),
      .meaning = "Address and port to listen on; :8080 is every address of the machine, port 0 any free one." },
    { "TLS_CERT", SETTING_TEXT, .otherwise = "none: plain http", AT(tls_cert), .min = 1, .max = SETTING_TEXT_MAX,
      .meaning = "A PEM file of the server's certificate, then those that lead to its root. With it the server speaks "
                 "https (TLS 1.2 and 1.3) and nothing else. A replaced file is found within a minute, or at once by "
                 "SIGHUP." },
    { "TLS_KEY", SETTING_TEXT, .otherwise = "none", AT(tls_key), .min = 1, .max = SETTING_TEXT_MAX,
      .meaning = "A PEM file of the certificate's private key, without a password: EC, Ed25519, or RSA of 2048 bits or "
                 "more." },
    { "PUBLIC_URL", SETTING_URL, .follows = "LISTEN", AT(public_url),
      .meaning = "The address that clients use, as they write it; links and metadata are made from it. Without it: "
                 "http:// (https:// with a certificate) and the address to listen on, 127.0.0.1 where that is every "
                 "address." },
    { "DATABASE_URL", SETTING_DATABASE, "sqlite:doorward.db", AT(database_url), .choices = DATABASES,
      .meaning = "Where the data is: sqlite: and a file name, from the working directory where it is relative; or "
                 "postgresql://USER@HOST/DATABASE, with what libpq knows behind a question mark (sslmode=verify-full). "
                 "A password is better kept in libpq's PGPASSFILE, or in a file that " SETTINGS_PREFIX
                 "DATABASE_URL_FILE names." },
    { "DATABASE_CONNECTIONS", SETTING_INT, "8", AT(database_connections), .min = 1, .max = 64,
      .meaning = "PostgreSQL: connections for reading, a node; one more writes." },
    { "DATABASE_TIMEOUT", SETTING_DURATION, "15s", AT(database_timeout_s), .min = 1, .max = 600,
      .meaning = "How long a request waits for the database, in all, before it is refused with 503; what has begun by "
                 "then runs to its end (docs/scale.md)." },
    { "REDIS_URL", SETTING_REDIS, .otherwise = "none: each node counts by itself", AT(redis_url),
      .meaning = "A Redis or Valkey in which all nodes count rate limits together, and, on PostgreSQL, tell each other "
                 "what they change (docs/scale.md): redis://HOST:PORT/DATABASE, rediss:// over TLS, or unix:/PATH, "
                 "with USER:PASSWORD@ before the host if need be; ?timeout_ms=250 is how long a command may take; with "
                 "rediss://, &ca=FILE has who may sign its certificate [the system's store], &cert=FILE&key=FILE a "
                 "client's own. Nothing is lost with it." },
    { "SECRET_KEY", SETTING_SECRET, .otherwise = "the file " SETTINGS_SECRET_FILE ", made at the first start",
      AT(secret_key), .min = SECRET_MIN_SIZE, .max = SETTING_TEXT_MAX,
      .meaning = "What every other key is derived from or sealed with. Without it the database is of no use: keep a "
                 "copy of it, apart from the database." },
    { "JWT_ALGORITHM", SETTING_CHOICE, "ES256", AT(jwt_algorithm), .choices = JWT_ALGORITHMS,
      .meaning = "How access tokens are signed. A change takes effect with the next key: doorward key rotate." },
    { "KEY_ROTATION", SETTING_DURATION, "90d", AT(key_rotation_s), .min = 0, .max = 3650 * (int64_t)DAY,
      .meaning = "The age at which the key that signs access tokens is replaced, by whichever node sees it first; 0: "
                 "only when somebody asks (doorward key rotate)." },
    { "KEY_LEAD", SETTING_DURATION, "1h", AT(key_lead_s), .min = 1, .max = 7 * DAY,
      .meaning = "How long the next signing key is published before it signs. Services that verify tokens are told to "
                 "ask for the key set again within half of that, or 5 minutes." },
    { "ISSUER", SETTING_TEXT, .follows = "PUBLIC_URL", AT(issuer), .min = 1, .max = 255,
      .meaning = "The `iss` of tokens." },
    { "AUDIENCE", SETTING_TEXT, .follows = "ISSUER", AT(audience), .min = 1, .max = 255,
      .meaning = "The `aud` of access tokens: whom they are for." },
    { "ACCESS_TTL", SETTING_DURATION, "15m", AT(access_ttl_s), .min = 1, .max = DAY,
      .meaning = "How long an access token lives." },
    { "REFRESH_TTL", SETTING_DURATION, "7d", AT(refresh_ttl_s), .min = 1, .max = 365 * DAY,
      .meaning = "How long a refresh token lives; each use gives a new one." },
    { "REFRESH_FAMILY_TTL", SETTING_DURATION, "90d", AT(refresh_family_ttl_s), .min = 0, .max = 3650 * (int64_t)DAY,
      .meaning = "How long a sign-in by tokens lives, however often it is refreshed; 0 sets no end." },
    { "REFRESH_GRACE", SETTING_DURATION, "5s", AT(refresh_grace_s), .min = 0, .max = MINUTE,
      .meaning = "How long a spent refresh token may be sent again, for an answer that got lost; 0 turns it off." },
    { "SESSION_IDLE", SETTING_DURATION, "12h", AT(session_idle_s), .min = 1, .max = 30 * DAY,
      .meaning = "How long a cookie session lives without a request; a remembered one has no such limit." },
    { "SESSION_TTL", SETTING_DURATION, "24h", AT(session_ttl_s), .min = 1, .max = 30 * DAY,
      .meaning = "How long a cookie session lives, however much it is used; a remembered one lives 30 days." },
    { "SESSIONS_MAX", SETTING_INT, "100", AT(sessions_max), .min = 1, .max = 100000,
      .meaning = "Sign-ins of one user, by cookie and by tokens, at the same time; one more ends the oldest." },
    { "REAUTH_TTL", SETTING_DURATION, "15m", AT(reauth_ttl_s), .min = 0, .max = DAY,
      .meaning = "How old a sign-in may be that changes the e-mail address, makes an API key, sets up a second factor "
                 "or changes what others may do; an older one is asked for the password. 0 asks each time." },
    { "API_KEY_OVERLAP", SETTING_DURATION, "24h", AT(api_key_overlap_s), .min = 0, .max = 30 * DAY,
      .meaning = "How long a rotated API key goes on, where the rotation does not say it; 0 ends it at once." },
    { "PASSWORD_MIN", SETTING_INT, "8", AT(password_min), .min = 8, .max = 128,
      .meaning = "The least number of characters of a new password." },
    { "PASSWORD_WORDS", SETTING_TEXT, .otherwise = "doorward, and the tenant's name", AT(password_words), .min = 1,
      .max = SETTING_TEXT_MAX,
      .meaning = "Further words that a new password must not contain, with commas between: names of the product, of "
                 "the company, of what everybody there would think of." },
    { "PASSWORD_BREACHED", SETTING_TEXT, .otherwise = "none", AT(password_breached), .min = 1,
      .max = SETTING_TEXT_MAX,
      .meaning = "A file of passwords from breaches, which new ones must not be among: the public list of SHA-1 "
                 "hashes, ordered by hash. It is searched on the disk, not loaded." },
    { "PASSWORD_SCHEME", SETTING_CHOICE, "argon2id", AT(password_scheme), .choices = PASSWORD_SCHEMES,
      .meaning = "How new passwords are hashed; older hashes are verified and replaced at the next sign-in." },
    { "ARGON2_MEMORY", SETTING_SIZE, "19MiB", AT(argon2_memory_bytes), .min = 64 * KIB, .max = (int64_t)1024 * MIB,
      .meaning = "Memory of one Argon2id hash; that much is held for each hash worker. Below 7MiB a stolen hash is "
                 "guessed too fast: for tests alone." },
    { "ARGON2_TIME", SETTING_INT, "2", AT(argon2_time), .min = 1, .max = 100,
      .meaning = "Passes of an Argon2id hash." },
    { "HASH_WORKERS", SETTING_INT, .otherwise = "one a core", AT(hash_workers), .min = 1, .max = 256,
      .meaning = "Passwords hashed at the same time." },
    { "HASH_QUEUE", SETTING_INT, "256", AT(hash_queue), .min = 1, .max = 65536,
      .meaning = "Requests that may wait for a hash; past it the answer is 503 with Retry-After." },
    { "LOG_LEVEL", SETTING_CHOICE, "info", AT(log_level), .choices = LOG_LEVELS, .is_live = true,
      .meaning = "The least weighty events that are logged. SIGHUP takes a new value up from `.env`." },
    { "LOG_FORMAT", SETTING_CHOICE, "json", AT(log_format), .choices = LOG_FORMATS, .is_live = true,
      .meaning = "How the log on standard error is written, a line an event. SIGHUP takes a new value up from "
                 "`.env`." },
    { "REGISTRATION", SETTING_CHOICE, "open", AT(registration_open), .choices = OPEN_OR_CLOSED,
      .meaning = "Whether anyone may register; closed, only an administrator makes accounts." },
    { "RESET_TTL", SETTING_DURATION, "1h", AT(reset_ttl_s), .min = MINUTE, .max = DAY,
      .meaning = "How long the link to set a new password is good." },
    { "VERIFY_TTL", SETTING_DURATION, "24h", AT(verify_ttl_s), .min = MINUTE, .max = 30 * DAY,
      .meaning = "How long the link to verify an e-mail address is good." },
    { "SMTP_URL", SETTING_SMTP, .otherwise = "none: mails become files in outbox/", AT(smtp_url),
      .meaning = "The mail server. smtps:// is TLS; smtp:// is STARTTLS, which the server must offer, except to this "
                 "machine; special characters in user and password are percent-encoded." },
    { "SMTP_CA", SETTING_TEXT, .otherwise = "the system's", AT(smtp_ca), .min = 1, .max = SETTING_TEXT_MAX,
      .meaning = "A PEM file of certificates that the mail server's must come from; with it TLS is asked for to this "
                 "machine too." },
    { "MAIL_FROM", SETTING_MAIL_ADDRESS, "doorward@localhost", AT(mail_from),
      .meaning = "The address that mails come from." },
    { "SIGN_IN_NOTICES", SETTING_CHOICE, "on", AT(sign_in_notices), .choices = ON_OR_OFF,
      .meaning = "Whether users are told by mail of suspicious sign-ins: from a new device, after many failures, with "
                 "the right password and wrong codes, with a refresh token that was used before." },
    { "MAIL_TEMPLATES", SETTING_TEXT, .otherwise = "the built-in texts", AT(mail_templates), .min = 1,
      .max = SETTING_TEXT_MAX,
      .meaning = "A folder whose reset.txt, reset.html, verify.txt, verify.html, and those of the notices "
                 "(email_changed, password_changed …), are taken instead of the built-in ones." },
    { "RATE_LIMIT_LOGIN", SETTING_RATES, "10/minute", AT(rate_limit_login),
      .meaning = "How often one address may try to sign in: every attempt counts." },
    { "RATE_LIMIT_REGISTER", SETTING_RATES, "120/minute", AT(rate_limit_register),
      .meaning = "How often one address may try to register." },
    { "RATE_LIMIT_FORGOT", SETTING_RATES, "30/minute", AT(rate_limit_forgot),
      .meaning = "How often one address may ask for a link to set a new password." },
    { "RATE_LIMIT_DEFAULT", SETTING_RATES, "none", AT(rate_limit_default),
      .meaning = "How often one address may ask anything at all." },
    { "TRUSTED_PROXIES", SETTING_NETWORKS, .otherwise = "none", AT(trusted_proxies),
      .meaning = "Proxies that are believed when they tell the client's address (X-Forwarded-For, Forwarded): their "
                 "addresses or networks, with commas between." },
    { "TRUSTED_HOSTS", SETTING_HOSTS, .otherwise = "any", AT(trusted_hosts),
      .meaning = "Names by which clients may ask, with commas between; `*.example.com` is every name beneath that one. "
                 "Any port will do. A request for another name is 400." },
    { "HTTPS_REDIRECT", SETTING_CHOICE, "off", AT(https_redirect), .choices = ON_OR_OFF,
      .meaning = "Whether plain requests are sent to https (307). By which a request came the server sees, or "
                 "is told by a trusted proxy. "
                 "Without `DOORWARD_TRUSTED_HOSTS` the host of `DOORWARD_PUBLIC_URL` is the only one." },
    { "CORS_ORIGINS", SETTING_ORIGINS, .otherwise = "none", AT(cors_origins),
      .meaning = "Origins whose pages may call, as browsers write them, with commas between; cookies are sent along. "
                 "`*` is every origin, without cookies." },
    { "CORS_ORIGIN_PATTERN", SETTING_PATTERN, .otherwise = "none", AT(cors_origin_pattern),
      .meaning = "Further origins, such as `https://[a-z0-9-]+\\.example\\.com`: the whole origin must match." },
    { "STOP_DELAY", SETTING_DURATION, "0s", AT(stop_delay_s), .min = 0, .max = 5 * MINUTE,
      .meaning = "How long the server goes on serving when it is told to stop, while `/readyz` says no and every "
                 "answer ends its connection: time for balancers to send requests elsewhere." },
    { "METRICS_LISTEN", SETTING_ADDRESS, .otherwise = "none: /metrics is at `" SETTINGS_PREFIX "LISTEN`",
      AT(metrics_listen),
      .meaning = "Address and port of a listener of its own for /metrics, /healthz and /readyz and nothing else, in "
                 "plain http. There /metrics needs no secret, unless one is set, so let no stranger reach it; it is "
                 "gone from `" SETTINGS_PREFIX "LISTEN` then." },
    { "METRICS_TOKEN", SETTING_TOKEN,
      .otherwise = "none: no /metrics, and nothing is counted, unless there is `" SETTINGS_PREFIX "METRICS_LISTEN`",
      AT(metrics_token), .min = 16, .max = SETTING_TEXT_MAX,
      .meaning = "The secret by which Prometheus may read /metrics (`Authorization: Bearer`)." },
    { "WORKERS", SETTING_INT, .otherwise = "one a core", AT(workers), .min = 1, .max = 256,
      .meaning = "Event loops." },
    { NULL },
};
_Static_assert(ARRAY_SIZE(SETTINGS) - 1 <= SETTINGS_MAX, "struct settings has too few origins");
