// Whether a text is what the TLS library will take as the authority to trust. What
// it will not take must not be kept: the board could never dial again.
#pragma once

#include <Arduino.h>
#include <mbedtls/x509_crt.h>

inline bool isCertificate(const String& pem) {
  mbedtls_x509_crt crt;
  mbedtls_x509_crt_init(&crt);
  // The length of a PEM text counts its NUL.
  const bool ok = mbedtls_x509_crt_parse(&crt, reinterpret_cast<const unsigned char*>(pem.c_str()), pem.length() + 1) == 0;
  mbedtls_x509_crt_free(&crt);
  return ok;
}
