#include <mbedtls/x509_crt.h>
#include <openssl/err.h>
#include <openssl/pem.h>

void mbedtls_x509_crt_init(mbedtls_x509_crt* crt) { crt->parsed = 0; }

int mbedtls_x509_crt_parse(mbedtls_x509_crt* crt, const unsigned char* text, size_t length) {
  constexpr int noPem = -0x2180;  // MBEDTLS_ERR_X509_INVALID_FORMAT
  if (length == 0 || text[length - 1] != '\0') return noPem;
  int failed = 0;
  BIO* memory = BIO_new_mem_buf(text, int(length - 1));
  for (;;) {
    X509* certificate = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
    if (!certificate) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
      failed++;
      break;
    }
    crt->parsed++;
    X509_free(certificate);
  }
  ERR_clear_error();
  BIO_free(memory);
  if (crt->parsed == 0) return noPem;
  return failed;
}

void mbedtls_x509_crt_free(mbedtls_x509_crt* crt) { crt->parsed = 0; }
