/*
 * libcurl, loaded when the first mail is to be sent by SMTP or the first key set to be fetched.
 *
 * Why: linked in, it brings thirty libraries of other protocols into every process, four megabytes of a server that is
 * to stay under twelve; most processes need it now and then, or never.
 */
#ifndef BASE_CURL_CALLS_H
#define BASE_CURL_CALLS_H

#define CURL_DISABLE_TYPECHECK /* its macros would call the functions by their own names */
#include <curl/curl.h>

#define CURL_CALLS(X)                                                                                                  \
    X(curl_global_init)                                                                                                \
    X(curl_easy_init)                                                                                                  \
    X(curl_easy_setopt)                                                                                                \
    X(curl_easy_perform)                                                                                               \
    X(curl_easy_getinfo)                                                                                               \
    X(curl_easy_strerror)                                                                                              \
    X(curl_easy_cleanup)                                                                                               \
    X(curl_slist_append)                                                                                               \
    X(curl_slist_free_all)                                                                                             \
    X(curl_url)                                                                                                        \
    X(curl_url_set)                                                                                                    \
    X(curl_url_get)                                                                                                    \
    X(curl_url_cleanup)                                                                                                \
    X(curl_free)

#define CURL_MEMBER(name) __typeof__(name) *name;
struct curl_calls {
    CURL_CALLS(CURL_MEMBER)
};
#undef CURL_MEMBER

/* Loads the library once, for good, and makes it ready; NULL when it is not on this machine. Any thread. */
const struct curl_calls *curl_calls_load(void);

#endif
