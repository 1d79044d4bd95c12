// What a Board does about the server's messages. Nothing is sent from here:
// tick does that.
#include <string.h>

#include "board.h"
#include "server_message.h"

namespace vaiven {

namespace {
// How long to wait after a refusal for now that does not say.
constexpr uint32_t kDefaultRetry = 1000;
// After BYE the server closes at once; a connection that stays open is broken.
constexpr uint64_t kFarewell = 2000;
}  // namespace

void Board::onMessage(uint32_t now, const char* text, size_t length) {
  if (phase_ != Phase::kOpen) return;
  clock_.advance(now);
  liveness_.heard(clock_.up());
  ServerMessage message;
  if (!readServer(text, length, config_, device_, message)) {
    stats_.unknown++;
    return;
  }
  if (!forUs(message)) {
    stats_.foreign++;
    return;
  }
  switch (message.kind) {
    case ServerKind::kWelcome: return gotWelcome(message);
    case ServerKind::kAck: return gotAck(message);
    case ServerKind::kDesired: return gotDesired(message);
    case ServerKind::kNonce: return gotNonce(message);
    case ServerKind::kToken: return gotToken(message);
    case ServerKind::kError: return gotError(message);
    case ServerKind::kBye: return gotBye(message);
    case ServerKind::kUnknown: return;
  }
}

// forUs: another board's messages are not ours, nor is what is said about an
// earlier power-up.
bool Board::forUs(const ServerMessage& message) {
  return !message.otherDevice && (message.boot.length == 0 || message.boot.is(header_.boot));
}

// gotWelcome learns where to go on: the answer to HELLO, or to a SEQ that the
// server did not expect.
void Board::gotWelcome(const ServerMessage& message) {
  if (!settle(message.ack)) return;
  // It acknowledged readings, and has none of them: another log, whose REVs begin
  // again. Its wishes would all look old.
  if (message.ack == 0 && acknowledged_) twin_.forget();
  const bool greeted = flight_.greeting();
  if (flight_.welcome(static_cast<uint32_t>(message.ack), clock_.up(), ring_.range())) stats_.goBacks++;
  if (greeted) {
    stats_.welcomed++;
    refused_ = false;
    access_ = Access::kOpen;
    welcomedAt_ = clock_.up();
    if (proving_) setWaited(false);  // the token that it was given is proven
    proving_ = false;
    backoff_.reset();
    tell(Event::kWelcomed);
  }
  if (message.desired.named != 0) gotDesired(message);
}

void Board::gotAck(const ServerMessage& message) { settle(message.ack); }

// settle forgets what the server has. False when it has what was never sent:
// then this BOOT is somebody else's too, and going on would lose readings.
bool Board::settle(uint64_t ack) {
  if (ack >= ring_.range().next) {
    renewBoot();
    return false;
  }
  const uint32_t seq = static_cast<uint32_t>(ack);
  const uint32_t count = ring_.settle(seq);
  flight_.settled(seq, count > 0, clock_.up());
  stats_.settled += count;
  acknowledged_ = acknowledged_ || count > 0;
  if (count > 0) tell(Event::kSettled, seq);
  return true;
}

void Board::gotDesired(const ServerMessage& message) {
  switch (twin_.desire(message.desired, clock_.up())) {
    case Twin::Outcome::kSet:
      return tell(Event::kDesired);
    case Twin::Outcome::kLate:
      stats_.late++;
      return tell(Event::kLate);
    case Twin::Outcome::kStale:
      stats_.stale++;
      return;
    case Twin::Outcome::kOverruled:
      return;
  }
}

// gotNonce has the token proven with another HELLO. A board without one has nothing
// to answer, yet.
void Board::gotNonce(const ServerMessage& message) {
  memcpy(nonce_, message.text.at, kNonceDigits);
  nonce_[kNonceDigits] = '\0';
  greetAgain_ = greetAgain_ || outside_.store.token()[0] != '\0';
}

// gotToken keeps a token that the server gives, if the server is one that may: it
// showed a certificate that is trusted, or had this board wait for a person, in this
// power-up. Any other would have it answer to a stranger.
void Board::gotToken(const ServerMessage& message) {
  const bool trusted = outside_.link.trusted();
  char token[kTokenLength + 1];
  memcpy(token, message.text.at, kTokenLength);
  token[kTokenLength] = '\0';
  if ((!trusted && header_.waited == 0) || !outside_.store.keepToken(token, trusted)) {
    stats_.unknown++;
    return;
  }
  greetAgain_ = true;
  tell(Event::kToken);
}

void Board::setWaited(bool waited) {
  Ring::Edit edit(ring_);
  header_.waited = waited ? 1 : 0;
}

void Board::gotError(const ServerMessage& message) {
  const uint32_t seq = message.seq <= UINT32_MAX ? static_cast<uint32_t>(message.seq) : 0;
  switch (message.verdict) {
    case Verdict::kForGood:  // the ACK that settles it follows
      stats_.refused++;
      return tell(Event::kRefused, seq, 0, readable(message));
    case Verdict::kForNow: {
      const bool access = message.access != Access::kOpen;
      // It is about the HELLO before the one with PROOF.
      if (message.access == Access::kNoToken && (proving_ || greetAgain_)) return;
      const uint32_t retry = message.retry > 0 ? message.retry : kDefaultRetry;
      stats_.refusedNow++;
      refused_ = refused_ || access || flight_.greeting();
      flight_.refusedForNow(seq, retry, clock_.up(), ring_.range());
      if (access) gotNoAccess(message.access);
      return tell(Event::kRefusedForNow, seq, retry, readable(message));
    }
    case Verdict::kBadBoot:
      stats_.otherErrors++;
      tell(Event::kRefused, seq, 0, readable(message));
      return renewBoot();
    case Verdict::kOther:
      stats_.otherErrors++;
      if (flight_.greeting() && seq == 0) {  // it is the HELLO that was refused
        refused_ = doomed_ = true;
        backoff_.longest();
      }
      return tell(Event::kRefused, seq, 0, readable(message));
  }
}

// gotNoAccess: who is not let in says HELLO again, and nothing else, until WELCOME.
void Board::gotNoAccess(Access access) {
  access_ = access;
  proving_ = false;
  if (access == Access::kWaiting && header_.waited == 0) setWaited(true);
  flight_.helloAgain();
}

void Board::gotBye(const ServerMessage& message) {
  leaving_ = true;
  finishing_ = message.hasRetry && message.retry == 0;
  byeRetry_ = message.retry;
  leaveAt_ = clock_.up() + kFarewell;
  tell(Event::kBye, 0, message.retry, readable(message));
}

// readable turns the message's text into a C string, in the buffer that is free
// while nothing is being sent. What does not fit is cut.
const char* Board::readable(const ServerMessage& message) {
  size_t length = 0;
  unescape(message.text, buffer_, sizeof buffer_, length);
  return buffer_;
}

}  // namespace vaiven
