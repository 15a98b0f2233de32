/*
 * A certificate and its key in files of a temporary folder, for tests of TLS.
 */
#ifndef TEST_CERTIFICATE_H
#define TEST_CERTIFICATE_H

#include "check.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

struct certificate_files {
    char folder[32], key[64], certificate[64];
};

static inline void certificate_open(struct certificate_files *files)
{
    snprintf(files->folder, sizeof(files->folder), "/tmp/doorward-tls-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    snprintf(files->key, sizeof(files->key), "%s/key", files->folder);
    snprintf(files->certificate, sizeof(files->certificate), "%s/certificate", files->folder);
}

/* Both anew, signed by itself; it is good between two moments, told from now on, and for `names` ("DNS:a,IP:::1"). */
static inline void certificate_write_for(const struct certificate_files *files, const char *names, long from_s,
                                         long to_s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();

    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
    X509_set_pubkey(certificate, key);
    if (names != NULL) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

        assert_int_equal(1, X509_set_version(certificate, X509_VERSION_3));
        assert_int_equal(1, X509_add_ext(certificate, extension, -1));
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(files->key, "w");
    assert_int_equal(1, PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    file = fopen(files->certificate, "w");
    assert_int_equal(1, PEM_write_X509(file, certificate));
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static inline void certificate_write(const struct certificate_files *files, long from_s, long to_s)
{
    certificate_write_for(files, NULL, from_s, to_s);
}

static inline int certificate_close(const struct certificate_files *files)
{
    unlink(files->key);
    unlink(files->certificate);
    return rmdir(files->folder);
}

#endif
