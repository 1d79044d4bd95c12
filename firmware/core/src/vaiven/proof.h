// A board's token, and the proof of it: what a server may hear of it over a
// connection that anybody can read.
#pragma once

#include "limits.h"

namespace vaiven {

constexpr size_t kTokenLength = 47;        // characters of a token: "vvn_" and 32 bytes in base64url
constexpr size_t kNonceDigits = 32;  // of the server's nonce, in lower case
constexpr size_t kProofDigits = 64;

// validToken says that a text is written as tokens are.
bool validToken(const char* text, size_t length);
bool validNonce(const char* text, size_t length);

// prove writes what answers a nonce, and a NUL: the HMAC-SHA-256, under the SHA-256
// of the token's text, of "vaiven proof 1\n" NONCE "\n" DEVICE "\n" BOOT. device is
// as canonicalDevice writes it.
void prove(const char* token, const char* nonce, const char* device, const char* boot, char (&proof)[kProofDigits + 1]);

}  // namespace vaiven
