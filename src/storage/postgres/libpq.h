/*
 * libpq, loaded when the database's URL says postgresql.
 *
 * Why: linked in, it brings LDAP, Kerberos and a second TLS library's state into every process, and a server on SQLite
 * is to stay under twelve megabytes. The same way as libcurl for mail.
 */
#ifndef STORAGE_POSTGRES_LIBPQ_H
#define STORAGE_POSTGRES_LIBPQ_H

#include <libpq-fe.h>

#define LIBPQ_CALLS(X)                                                                                                 \
    X(PQconnectdbParams)                                                                                               \
    X(PQfinish)                                                                                                        \
    X(PQstatus)                                                                                                        \
    X(PQsetNoticeProcessor)                                                                                            \
    X(PQexec)                                                                                                          \
    X(PQexecParams)                                                                                                    \
    X(PQclear)                                                                                                         \
    X(PQisBusy)                                                                                                        \
    X(PQgetResult)                                                                                                     \
    X(PQresultStatus)                                                                                                  \
    X(PQresultErrorField)                                                                                              \
    X(PQntuples)                                                                                                       \
    X(PQgetvalue)                                                                                                      \
    X(PQgetlength)                                                                                                     \
    X(PQgetisnull)                                                                                                     \
    X(PQcmdTuples)                                                                                                     \
    X(PQcmdStatus)                                                                                                     \
    X(PQenterPipelineMode)                                                                                             \
    X(PQpipelineSync)                                                                                                  \
    X(PQsendPrepare)                                                                                                   \
    X(PQsendQueryParams)                                                                                               \
    X(PQputCopyData)                                                                                                   \
    X(PQputCopyEnd)                                                                                                    \
    X(PQsendQueryPrepared)                                                                                             \
    X(PQserverVersion)                                                                                                 \
    X(PQbackendPID)                                                                                                    \
    X(PQsocket)                                                                                                        \
    X(PQconsumeInput)                                                                                                  \
    X(PQnotifies)                                                                                                      \
    X(PQfreemem)

#define LIBPQ_MEMBER(name) __typeof__(name) *name;
struct libpq {
    LIBPQ_CALLS(LIBPQ_MEMBER)
};
#undef LIBPQ_MEMBER

/* Loads the library once, for good; NULL when it is not on this machine (logged). Any thread. */
const struct libpq *libpq_load(void);

#endif
