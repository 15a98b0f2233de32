/* People who register, change and forget, and the mails that come of it. */
#ifndef TEST_IDENTITY_RECOVERY_FIXTURE_H
#define TEST_IDENTITY_RECOVERY_FIXTURE_H

#include "../check.h"
#include "fixture.h"

#include "identity/credential.h"
#include "identity/outbox.h"
#include "identity/recovery.h"

/* What a mail server got. */
struct post {
    struct dw_arena *arena;
    struct outbox_mail last;
    int n; /* of mails with a token */
    struct outbox_mail notice;
    int n_notices;
    enum dw_err answer;
};

static inline enum dw_err receive(void *argument, const struct outbox_mail *mail)
{
    struct post *post = argument;

    if (post->answer != DW_OK)
        return post->answer;
    const bool has_token = dw_str_eq(mail->kind, DW_STR("reset")) || dw_str_eq(mail->kind, DW_STR("verify"));
    struct outbox_mail *kept = has_token ? &post->last : &post->notice;

    *(has_token ? &post->n : &post->n_notices) += 1;
    *kept = *mail;
    kept->kind = dw_arena_copy(post->arena, mail->kind);
    kept->to = dw_arena_copy(post->arena, mail->to);
    kept->payload = dw_arena_copy(post->arena, mail->payload);
    return DW_OK;
}

/* Everything that is due; the number of mails. */
static inline int deliver(struct fixture *f, struct post *post)
{
    *post = (struct post){ .arena = f->arena };
    assert_int_equal(recovery_work(f->identity), DW_OK);
    assert_int_equal(outbox_run(f->identity, receive, post), DW_OK);
    return post->n;
}

static inline void forget(struct fixture *f, const char *email)
{
    assert_int_equal(recovery_request(f->identity, (struct dw_str){ 0 }, dw_str(email), DW_STR("127.0.0.1")), DW_OK);
}

static inline struct dw_str reset_token(struct fixture *f, const char *email)
{
    struct post post;

    deliver(f, &post); /* what came before */
    forget(f, email);
    assert_int_equal(deliver(f, &post), 1);
    return post.last.payload;
}

static inline enum dw_err reset(struct fixture *f, struct dw_str token, const char *password)
{
    const struct actor stranger = { .address = DW_STR_INIT("127.0.0.1") };
    const struct dw_secret secret = { (unsigned char *)(uintptr_t)password, strlen(password) };

    return recovery_reset(f->identity, &stranger, token, &secret);
}

static inline enum dw_err verify(struct fixture *f, struct dw_str token)
{
    const struct actor stranger = { .address = DW_STR_INIT("127.0.0.1") };

    return recovery_verify(f->identity, &stranger, token);
}

static inline struct user registered(struct fixture *f, const char *name, const char *email)
{
    unsigned char bytes[] = "a long enough one";
    const struct dw_secret password = { bytes, sizeof(bytes) - 1 };
    const struct actor stranger = { .address = DW_STR_INIT("127.0.0.1") };
    const struct user_new new_user = { .username = dw_str(name), .email = dw_str(email), .password = &password };
    struct user user;

    assert_int_equal(user_create(f->identity, &f->tenant, &stranger, &new_user, f->arena, &user), DW_OK);
    return user;
}

static inline void set_email(struct fixture *f, struct dw_str id, const char *email)
{
    struct user user;
    const struct user_change change = { .email = dw_str(email), .is_active = -1 };

    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, id, &change, f->arena, &user), DW_OK);
}

static inline void set_password(struct fixture *f, struct dw_str id)
{
    unsigned char bytes[] = "chosen by herself";
    const struct dw_secret next = { bytes, sizeof(bytes) - 1 };

    assert_int_equal(credential_set(f->identity, &f->tenant, &SYSTEM, id, &next, (struct dw_str){ 0 }), DW_OK);
}

#endif
