/* Addresses and networks: what is read, what is refused, what counts as one client. */
#include "../check.h"
#include "base/ip.h"

static void addresses_have_one_form(void **state)
{
    static const struct {
        const char *text, *expected; /* NULL: refused */
    } ROWS[] = {
        { "192.0.2.1", "192.0.2.1" },
        { "::ffff:192.0.2.1", "192.0.2.1" },
        { "2001:DB8:0::1", "2001:db8::1" },
        { "::1", "::1" },
        { "192.0.2", NULL },
        { "192.0.2.256", NULL },
        { "192.0.02.1", NULL },
        { "0x7f.0.0.1", NULL },
        { "[::1]", NULL },
        { "fe80::1%eth0", NULL },
        { "192.0.2.1:80", NULL },
        { " 192.0.2.1", NULL },
        { "", NULL },
        { "unknown", NULL },
        { "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        char text[IP_TEXT_SIZE];
        struct ip ip;
        check_err(ROWS[i].expected ? DW_OK : DW_ERR_VALIDATION, ip_parse(dw_str(ROWS[i].text), &ip), ROWS[i].text);
        if (ROWS[i].expected == NULL)
            continue;
        ip_format(&ip, text);
        check_str(dw_str(ROWS[i].expected), dw_str(text), ROWS[i].text);
    }
}

static void ranges_hold_what_they_say(void **state)
{
    enum { REFUSED = -1 };
    static const struct {
        const char *range, *address;
        int expected;
    } ROWS[] = {
        { "10.0.0.0/8", "10.255.1.2", 1 },       { "10.0.0.0/8", "11.0.0.0", 0 },
        { "10.0.0.0/8", "::ffff:10.1.1.1", 1 },  { "192.0.2.1", "192.0.2.1", 1 },
        { "192.0.2.1", "192.0.2.2", 0 },         { "192.0.2.128/25", "192.0.2.127", 0 },
        { "192.0.2.128/25", "192.0.2.200", 1 },  { "0.0.0.0/0", "203.0.113.9", 1 },
        { "0.0.0.0/0", "2001:db8::1", 0 },       { "::/0", "203.0.113.9", 1 },
        { "2001:db8::/33", "2001:db8:8000::", 0 }, { "2001:db8::/33", "2001:db8:7fff::1", 1 },
        { "::1/128", "::1", 1 },                 { "10.0.0.1/8", "10.0.0.1", REFUSED },
        { "10.0.0.0/33", "10.0.0.1", REFUSED },  { "10.0.0.0/", "10.0.0.1", REFUSED },
        { "10.0.0.0/08", "10.0.0.1", REFUSED },  { "10.0.0.0/+8", "10.0.0.1", REFUSED },
        { "::/129", "::1", REFUSED },            { "proxy.example", "::1", REFUSED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct ip_range range;
        struct ip ip;
        const enum dw_err err = ip_range_parse(dw_str(ROWS[i].range), &range);

        check_err(ROWS[i].expected == REFUSED ? DW_ERR_VALIDATION : DW_OK, err, ROWS[i].range);
        CHECK_OK(ip_parse(dw_str(ROWS[i].address), &ip));
        if (err == DW_OK && ip_range_has(&range, &ip) != (ROWS[i].expected == 1))
            fail_msg("%s and %s", ROWS[i].range, ROWS[i].address);
    }
}

static void a_client_is_an_address_or_a_64(void **state)
{
    static const char *const ROWS[][2] = {
        { "192.0.2.7", "192.0.2.7" },
        { "::ffff:192.0.2.7", "192.0.2.7" },
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
        { "2001:db8:1:2:ffff::", "2001:db8:1:2::/64" },
        { "test", "test" },
        { "", "" },
        { "0123456789012345678901234567890123456789012345678901234567890",
          "0123456789012345678901234567890123456789012345678" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        char text[IP_NETWORK_TEXT_SIZE];
        ip_network(dw_str(ROWS[i][0]), text);
        check_str(dw_str(ROWS[i][1]), dw_str(text), ROWS[i][0]);
    }
}

CHECK_MAIN(cmocka_unit_test(addresses_have_one_form), cmocka_unit_test(ranges_hold_what_they_say),
           cmocka_unit_test(a_client_is_an_address_or_a_64))
