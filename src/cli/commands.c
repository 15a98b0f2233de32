/* The table of commands. */
#include "cli/actions.h"
#include "cli/tools_jose.h"
#include "cli/tools_jwe.h"
#include "cli/tools_otp.h"

static const struct option SERVE_OPTIONS[] = {
    { "--listen", "ADDRESS", "address and port, instead of DOORWARD_LISTEN", .setting = "LISTEN" },
    { "--dev", NULL, "the log as text, with everything in it" },
    { NULL },
};

static const struct option MIGRATE_OPTIONS[] = {
    { "--status", NULL, "only show which ones are applied" },
    { "--to", "URL", "copy the whole installation into another, empty database" },
    { "--to-file", "FILE", "the same, with the URL in a file, where it has a password in it" },
    { NULL },
};

#define TENANT_OPTION { "--tenant", "NAME", "the tenant of the user (default)" }

static const struct option USER_OPTIONS[] = { TENANT_OPTION, { NULL } };

static const struct option USER_CREATE_OPTIONS[] = {
    { "--email", "ADDRESS", "e-mail address", .is_required = true },
    { "--role", "ROLE", "user, moderator or admin (user)" },
    { "--full-name", "TEXT", "name of the person" },
    { "--email-verified", NULL, "the address is known to be the user's" },
    TENANT_OPTION,
    { NULL },
};

static const struct option USER_LIST_OPTIONS[] = {
    { "--query", "TEXT", "part of the user name or the address" },
    { "--role", "ROLE", "only users of this role" },
    { "--active", NULL, "only users who may sign in" },
    { "--disabled", NULL, "only users who may not" },
    TENANT_OPTION,
    { NULL },
};

static const struct option USER_DELETE_OPTIONS[] = {
    { "--yes", NULL, "do not ask" },
    TENANT_OPTION,
    { NULL },
};

static const struct option BACKUP_OPTIONS[] = {
    { "--verify", NULL, "open the copy with the secret key, verify its audit log, check its indexes" },
    { "--force", NULL, "replace FILE when it is there already" },
    { NULL },
};

static const struct option RESTORE_OPTIONS[] = {
    { "--force", NULL, "move the database that is there aside" },
    { NULL },
};

static const struct option LOGOUT_ALL_OPTIONS[] = {
    { "--yes", NULL, "do not ask" },
    { NULL },
};

static const struct option KEY_ROTATE_OPTIONS[] = {
    { "--now", NULL, "do not wait until services know the key: the one that signs has leaked" },
    { NULL },
};

static const struct option AUDIT_VERIFY_OPTIONS[] = {
    { "--head", "NUMBER:HASH", "a head that was printed earlier, and must still be in the log" },
    { "--since", "NUMBER:HASH", "a head that was printed earlier: check what came after it, and nothing before" },
    { NULL },
};

static const struct option AUDIT_PRUNE_OPTIONS[] = {
    { "--before", "TIME", "events from before this time go, such as 2026-01-01T00:00:00Z", .is_required = true },
    { NULL },
};

static const struct option USER_IMPORT_OPTIONS[] = {
    { "--format", "FORMAT", "csv or jsonl (by the file's name: .csv is csv, anything else jsonl)" },
    { "--tenant", "NAME", "the tenant of users whose line names none (default)" },
    { NULL },
};

static const struct option PASSWORD_HASH_OPTIONS[] = {
    { "--scheme", "SCHEME", "argon2id, scrypt or bcrypt, instead of DOORWARD_PASSWORD_SCHEME",
      .setting = "PASSWORD_SCHEME" },
    { NULL },
};

#define WHICH_USER "USER is a user name, an e-mail address or an id. "
#define TOTP_INPUT "The secret comes from standard input: base32, or a whole otpauth URI."
#define AT_ONCE "A running server obeys within a second."

const struct command COMMANDS[] = {
    { "serve", action_serve, .options = SERVE_OPTIONS, .needs = NEEDS_SETTINGS, .is_server = true,
      .summary = "Run the server",
      .details = "The first start makes the secret key (doorward.secret), the database and an administrator, and "
                 "prints the administrator's one-time password once, on standard output. SIGTERM and SIGINT stop it, "
                 "after the requests under way." },
    { "init", action_init, .needs = NEEDS_SETTINGS,
      .summary = "Make the secret key, the database and an administrator",
      .details = "What is there already stays as it is. The administrator's one-time password is printed once, and "
                 "signs in for 24 hours; change it before that. When it is lost or over, `doorward user set-password "
                 "admin` sets another." },
    { "migrate", action_migrate, .options = MIGRATE_OPTIONS, .needs = NEEDS_SETTINGS,
      .summary = "Bring the database to this program's version",
      .details = "serve and init do the same by themselves. A database that is not there is made. With --to, "
                 "sqlite:FILE or postgresql://USER@HOST/DATABASE: every row is copied in one transaction, read "
                 "again on both sides and compared; the servers must be stopped. What ends it before leaves the "
                 "target without a row, and it can be run again." },
    { "ready", action_ready, .needs = NEEDS_SETTINGS,
      .summary = "Ask the running server whether it can serve",
      .details = "For health checks: exit code 0 when /readyz says yes, at the address that DOORWARD_LISTEN names." },
    { "doctor", action_doctor,
      .summary = "Tell what is misconfigured, and how to mend it",
      .details = "Run it in the server's folder, as the server's user and with its environment; beside the running "
                 "server, or when it does not start. It changes nothing and shows no secret. Exit code 1 when "
                 "something must be mended." },
    { "backup", action_backup, { "FILE" }, BACKUP_OPTIONS, NEEDS_SETTINGS,
      .summary = "Copy the SQLite database into a file, while the server runs",
      .details = "One state of the database, checked, mode 0600, there under its name when it is whole. Keep the "
                 "secret key too: without it the file is of no use. On PostgreSQL it tells how pg_dump does it." },
    { "restore", action_restore, { "FILE" }, RESTORE_OPTIONS, NEEDS_SETTINGS,
      .summary = "Put a back-up into the database's place, and end every sign-in",
      .details = "The server must be stopped. A back-up has forgotten what was revoked after it was made; so the "
                 "restored database gets new signing keys, no sign-in and no link in a mail of before is good, and "
                 "everyone signs in again. The secret key must be that of the back-up." },
    { "settings", action_settings, .needs = NEEDS_SETTINGS,
      .summary = "Show every setting: value, source, meaning" },

    { "user create", action_user_create, { "NAME" }, USER_CREATE_OPTIONS, NEEDS_IDENTITY,
      .summary = "Make a user; the password comes from standard input" },
    { "user list", action_user_list, .options = USER_LIST_OPTIONS, .needs = NEEDS_IDENTITY,
      .summary = "List users" },
    { "user show", action_user_show, { "USER" }, USER_OPTIONS, NEEDS_IDENTITY,
      .summary = "Show a user", .details = WHICH_USER },
    { "user set-role", action_user_set_role, { "USER", "ROLE" }, USER_OPTIONS, NEEDS_IDENTITY,
      .summary = "Give a user another role",
      .details = WHICH_USER AT_ONCE " The last administrator can't be demoted." },
    { "user disable", action_user_disable, { "USER" }, USER_OPTIONS, NEEDS_IDENTITY,
      .summary = "End every sign-in of a user and refuse new ones",
      .details = WHICH_USER AT_ONCE " The last administrator can't be disabled." },
    { "user enable", action_user_enable, { "USER" }, USER_OPTIONS, NEEDS_IDENTITY,
      .summary = "Let a disabled user sign in again", .details = WHICH_USER AT_ONCE },
    { "user delete", action_user_delete, { "USER" }, USER_DELETE_OPTIONS, NEEDS_IDENTITY,
      .summary = "Delete a user for good",
      .details = WHICH_USER AT_ONCE " The last administrator can't be deleted." },
    { "user set-password", action_user_set_password, { "USER" }, USER_OPTIONS, NEEDS_IDENTITY,
      .summary = "Set a user's password, from standard input, and end every sign-in",
      .details = WHICH_USER AT_ONCE },
    { "user reset-2fa", action_user_reset_2fa, { "USER" }, USER_OPTIONS, NEEDS_IDENTITY,
      .summary = "Turn off the second factor of a user who has lost it, and end every sign-in",
      .details = WHICH_USER AT_ONCE " Make sure who asks." },
    { "user logout-all", action_user_logout_all, .options = LOGOUT_ALL_OPTIONS, .needs = NEEDS_IDENTITY,
      .summary = "End every sign-in of every user, and replace the signing keys",
      .details = "For after a break-in, or after PostgreSQL was restored from a back-up. " AT_ONCE " Links in mails "
                 "are void too; API keys and passwords stay." },
    { "user import", action_user_import, { "FILE" }, USER_IMPORT_OPTIONS, NEEDS_IDENTITY,
      .summary = "Take users over from another system, with their password hashes",
      .details = "FILE is JSON lines, or CSV with a line of headings; - is standard input. Members: username, email, "
                 "password_hash; full_name, role, is_active, email_verified, tenant if wanted. Hashes may be Argon2, "
                 "scrypt, bcrypt or PBKDF2, also as Django and passlib write them. Bad lines are told by number, and "
                 "the others are taken; exit code 1 when there was a bad one." },

    { "key list", action_key_list, .needs = NEEDS_IDENTITY, .summary = "List the keys that sign access tokens" },
    { "key rotate", action_key_rotate, .options = KEY_ROTATE_OPTIONS, .needs = NEEDS_IDENTITY,
      .summary = "Sign with a new key; the old one verifies until its last token has expired",
      .details = "The next key signs at once when it has been published for DOORWARD_KEY_LEAD, or from the very start, "
                 "as that of a new installation. Otherwise, or when it is not of DOORWARD_JWT_ALGORITHM, it takes over "
                 "by itself at the time that is told (starts_at), when all services that verify tokens know it." },
    { "key retire", action_key_retire, { "KID" }, NULL, NEEDS_IDENTITY,
      .summary = "Take a key out at once: the tokens that it signed are refused", .details = AT_ONCE },

    { "audit verify", action_audit_verify, .options = AUDIT_VERIFY_OPTIONS, .needs = NEEDS_IDENTITY,
      .summary = "Check that nobody changed, removed or inserted an event of the audit log",
      .details = "Names the first event that does not hold, and ends with 1. Prints the head of an intact log: kept "
                 "elsewhere and given back with --head, it also shows when the newest events were cut off." },
    { "audit prune", action_audit_prune, .options = AUDIT_PRUNE_OPTIONS, .needs = NEEDS_IDENTITY,
      .summary = "Remove the oldest events of the audit log; the rest can still be verified",
      .details = "Verifies the log first, and removes nothing when it does not hold. What went is told by events "
                 "`audit.pruned`. Export first what must be kept, and note the head." },
    { "audit export", action_audit_export, .needs = NEEDS_IDENTITY,
      .summary = "Print the whole audit log, a JSON object a line, oldest first" },

    { "jwt sign", action_jwt_sign, .options = JWT_SIGN_OPTIONS,
      .summary = "Sign the claims (a JSON object) on standard input" },
    { "jwt verify", action_jwt_verify, .options = JWT_VERIFY_OPTIONS,
      .summary = "Check the token on standard input and print its claims",
      .details = "Exit code 1 when the token does not hold; the reason goes to standard error." },
    { "jwt decode", action_jwt_decode,
      .summary = "Print what the token on standard input says, without checking it",
      .details = "Nothing in it may be believed: anyone can write such a token." },
    { "jwk generate", action_jwk_generate, .options = JWK_GENERATE_OPTIONS,
      .summary = "Make a private key and print it as JWK" },
    { "jwk public", action_jwk_public, .options = JWK_READ_OPTIONS,
      .summary = "Print the public half of a key or a key set" },
    { "jwk thumbprint", action_jwk_thumbprint, .options = JWK_READ_OPTIONS,
      .summary = "Print the RFC 7638 thumbprint of a key" },

    { "jwe encrypt", action_jwe_encrypt, .options = JWE_ENCRYPT_OPTIONS,
      .summary = "Encrypt the text on standard input",
      .details = "Who has a public key can encrypt: it says nothing of who wrote the text. Sign first where that "
                 "matters: `doorward jwt sign … | doorward jwe encrypt --cty JWT …`." },
    { "jwe decrypt", action_jwe_decrypt, .options = JWE_DECRYPT_OPTIONS,
      .summary = "Decrypt the token on standard input and print its text",
      .details = "Compact, or as a JSON object. Exit code 1 when it does not decrypt; the reason goes to standard "
                 "error." },

    { "password hash", action_password_hash, .options = PASSWORD_HASH_OPTIONS, .needs = NEEDS_SETTINGS,
      .summary = "Hash a password from standard input" },
    { "password verify", action_password_verify, { "HASH" }, NULL, NEEDS_SETTINGS,
      .summary = "Check a password from standard input against a hash (in single quotes: it has $ in it)" },

    { "totp generate", action_totp_generate, .options = TOTP_GENERATE_OPTIONS,
      .summary = "Print the one-time code of a secret", .details = TOTP_INPUT },
    { "totp verify", action_totp_verify, { "CODE" }, TOTP_VERIFY_OPTIONS,
      .summary = "Check a one-time code against a secret",
      .details = TOTP_INPUT " Exit code 1 when it does not match." },
    { "totp uri", action_totp_uri, .options = TOTP_URI_OPTIONS,
      .summary = "Print the otpauth URI that an authenticator app reads", .details = TOTP_INPUT },

    { "vectors", action_vectors, .is_hidden = true,
      .summary = "Answer known-answer test vectors, a JSON object a line, from standard input" },
    { "reference", action_reference, { "settings|commands|manual|routes" }, .is_hidden = true,
      .summary = "Print docs/settings.md, docs/commands.md, the manual page or the server's routes" },
    { NULL },
};
