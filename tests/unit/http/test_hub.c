#include "check.h"
#include "http/frame_reader.h"
#include "http/hub.h"

enum { UNSENT_MAX = 100 };

static struct frame *frame_of(const char *text)
{
    struct frame *frame = NULL;

    CHECK_OK(frame_new(FRAME_OPCODE_TEXT, dw_str(text), &frame));
    return frame;
}

static enum dw_err send_text(struct hub *hub, uint64_t id, const char *text)
{
    _cleanup_frame_ struct frame *frame = frame_of(text);

    return hub_send(hub, id, frame);
}

/* All that waits, as one string. */
static void check_waiting(struct hub *hub, struct hub_member *m, struct dw_str expected, const char *label)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(4096);
    struct hub_view view;

    hub_peek(hub, m, &view);
    for (unsigned i = 0; i < view.n_bufs; i++)
        buffer_append(&b, dw_str_n(view.bufs[i].base, view.bufs[i].len));
    check_str(expected, buffer_str(&b), label);
}

static void a_number_is_never_given_twice(void **state)
{
    struct hub *hub;
    struct hub_member first = { 0 }, second = { 0 };

    CHECK_OK(hub_new(&hub));
    CHECK_ERR(DW_ERR_NOT_FOUND, send_text(hub, 0, "x"));
    CHECK_OK(hub_add(hub, &first, UNSENT_MAX));
    const uint64_t stale = first.id;
    CHECK_OK(send_text(hub, stale, "x"));
    hub_remove(hub, &first);
    hub_remove(hub, &first);
    CHECK_OK(hub_add(hub, &second, UNSENT_MAX));
    assert_int_equal((uint32_t)stale, (uint32_t)second.id); /* the same slot */
    assert_true(stale != second.id);
    CHECK_ERR(DW_ERR_NOT_FOUND, send_text(hub, stale, "x"));
    CHECK_ERR(DW_ERR_NOT_FOUND, hub_join(hub, stale, DW_STR("t")));
    assert_false(hub_close(hub, stale, CLOSE_NORMAL, DW_STR("")));
    hub_leave(hub, stale, DW_STR("t"));
    check_waiting(hub, &second, DW_STR(""), "nothing for the second");
    hub_remove(hub, &second);
    hub_free(&hub);
}

static void frames_leave_in_order_and_in_pieces(void **state)
{
    struct hub *hub;
    struct hub_member m = { 0 };

    CHECK_OK(hub_new(&hub));
    CHECK_OK(hub_add(hub, &m, UNSENT_MAX));
    CHECK_OK(send_text(hub, m.id, "abc"));
    CHECK_OK(send_text(hub, m.id, "de"));
    check_waiting(hub, &m, DW_STR("\x81\x03" "abc\x81\x02" "de"), "both");
    hub_sent(hub, &m, 4);
    check_waiting(hub, &m, DW_STR("c\x81\x02" "de"), "the rest");
    assert_true(hub_close(hub, m.id, CLOSE_NORMAL, DW_STR("ok")));
    assert_true(hub_close(hub, m.id, CLOSE_POLICY, DW_STR("too late")));
    CHECK_ERR(DW_ERR_NOT_FOUND, send_text(hub, m.id, "nothing follows"));
    check_waiting(hub, &m, DW_STR("c\x81\x02" "de\x88\x04\x03\xe8" "ok"), "and the close");
    hub_sent(hub, &m, 11);
    check_waiting(hub, &m, DW_STR(""), "all has left");
    hub_remove(hub, &m);
    hub_free(&hub);
}

static void a_slow_reader_keeps_what_has_begun_to_leave(void **state)
{
    static const char LONG[] = "0123456789012345678901234567890123456789";
    struct hub *hub;
    struct hub_member m = { 0 };
    unsigned code = 0;

    CHECK_OK(hub_new(&hub));
    CHECK_OK(hub_add(hub, &m, UNSENT_MAX));
    CHECK_OK(send_text(hub, m.id, LONG));
    CHECK_OK(send_text(hub, m.id, LONG));
    hub_sent(hub, &m, 40);
    CHECK_ERR(DW_ERR_LIMIT, send_text(hub, m.id, LONG));
    CHECK_ERR(DW_ERR_NOT_FOUND, send_text(hub, m.id, "x"));
    assert_true(hub_is_closing(hub, &m, &code));
    assert_int_equal(CLOSE_POLICY, code);
    check_waiting(hub, &m, DW_STR("89\x88\x1e\x03\xf0" "Messages are read too slowly"), "one frame, and why");
    hub_remove(hub, &m);
    hub_free(&hub);
}

static void topics_are_there_while_somebody_listens(void **state)
{
    struct hub *hub;
    struct hub_member m[3] = { 0 };
    char name[HUB_TOPIC_MAX + 1];
    _cleanup_frame_ struct frame *frame = frame_of("hi");

    memset(name, 'n', sizeof(name));
    CHECK_OK(hub_new(&hub));
    for (size_t i = 0; i < ARRAY_SIZE(m); i++) {
        CHECK_OK(hub_add(hub, &m[i], UNSENT_MAX));
        CHECK_OK(hub_join(hub, m[i].id, DW_STR("all")));
        CHECK_OK(hub_join(hub, m[i].id, DW_STR("all")));
    }
    CHECK_OK(hub_join(hub, m[1].id, DW_STR("some")));
    CHECK_ERR(DW_ERR_ARGUMENT, hub_join(hub, m[0].id, DW_STR("")));
    CHECK_ERR(DW_ERR_ARGUMENT, hub_join(hub, m[0].id, dw_str_n(name, sizeof(name))));
    assert_int_equal(3, hub_count(hub, DW_STR("all")));
    hub_leave(hub, m[0].id, DW_STR("all"));
    hub_leave(hub, m[0].id, DW_STR("all"));
    hub_publish(hub, DW_STR("all"), frame);
    hub_publish(hub, DW_STR("nobody"), frame);
    check_waiting(hub, &m[0], DW_STR(""), "has left");
    check_waiting(hub, &m[1], DW_STR("\x81\x02hi"), "is there");
    hub_remove(hub, &m[2]);
    assert_int_equal(1, hub_count(hub, DW_STR("all")));
    hub_remove(hub, &m[1]);
    assert_int_equal(0, hub_count(hub, DW_STR("all")) + hub_count(hub, DW_STR("some")));
    for (unsigned i = 0; i < HUB_SEATS_MAX; i++)
        CHECK_OK(hub_join(hub, m[0].id, dw_str_n(name, i + 1)));
    CHECK_ERR(DW_ERR_LIMIT, hub_join(hub, m[0].id, DW_STR("one more")));
    hub_remove(hub, &m[0]);
    hub_free(&hub);
}

CHECK_MAIN(cmocka_unit_test(a_number_is_never_given_twice), cmocka_unit_test(frames_leave_in_order_and_in_pieces),
           cmocka_unit_test(a_slow_reader_keeps_what_has_begun_to_leave),
           cmocka_unit_test(topics_are_there_while_somebody_listens))
