#include "proof.h"

#include <string.h>

#include "sha256.h"

namespace vaiven {

namespace {

constexpr char kPrefix[] = "vvn_";
constexpr size_t kPrefixLength = sizeof kPrefix - 1;

bool lowerHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// sextet is what a character of base64url stands for; -1: nothing.
int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

}  // namespace

bool validToken(const char* text, size_t length) {
  if (length != kTokenLength || memcmp(text, kPrefix, kPrefixLength) != 0) return false;
  for (size_t i = kPrefixLength; i < length; i++) {
    if (sextet(text[i]) < 0) return false;
  }
  return (sextet(text[length - 1]) & 3) == 0;  // 43 characters are 32 bytes and two bits
}

bool validNonce(const char* text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (!lowerHex(text[i])) return false;
  }
  return length == kNonceDigits;
}

void prove(const char* token, const char* nonce, const char* device, const char* boot, char (&proof)[kProofDigits + 1]) {
  uint8_t digest[kDigest];
  Sha256 hash;
  hash.add(token, strlen(token));
  hash.finish(digest);
  Hmac mac(digest, sizeof digest);
  const char* const parts[] = {"vaiven proof 1\n", nonce, "\n", device, "\n", boot};
  for (const char* part : parts) mac.add(part, strlen(part));
  mac.finish(digest);
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < kDigest; i++) {
    proof[2 * i] = digits[digest[i] >> 4];
    proof[2 * i + 1] = digits[digest[i] & 15];
  }
  proof[kProofDigits] = '\0';
}

}  // namespace vaiven
