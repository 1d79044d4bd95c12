// Stand-in for the certificates of Mbed TLS, by OpenSSL: whether a PEM text can be
// parsed.
#pragma once

#include <cstddef>

typedef struct {
  int parsed;
} mbedtls_x509_crt;

void mbedtls_x509_crt_init(mbedtls_x509_crt* crt);
// 0: every certificate was parsed; greater: so many were not; less: an error. The
// length of a PEM text counts its NUL.
int mbedtls_x509_crt_parse(mbedtls_x509_crt* crt, const unsigned char* text, size_t length);
void mbedtls_x509_crt_free(mbedtls_x509_crt* crt);
