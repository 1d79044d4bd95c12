// A TCP connection of the board, with TLS or without. Used by one thread.
//
// While the radio is without address nothing arrives, and what is written waits
// in a send buffer of the stack's size; the server sees no end of the connection
// until the radio is back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct ssl_st;

namespace host {

class Wire {
 public:
  Wire();
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // dial connects to what BOARD_DIAL or BOARD_SERVER say that host and port are,
  // and reports the events "dial" and, if it comes to that, "dial_failed".
  bool dial(const std::string& host, uint16_t port, uint64_t timeoutMs);
  // secure makes the connection TLS 1.2 or later. ca (PEM) is the only authority
  // trusted, expiry dates are not looked at; nullptr trusts everybody.
  void secure(const char* ca) { tls_ = true, ca_ = ca; }

  bool connected();
  size_t available();                           // without waiting
  size_t read(uint8_t* out, size_t n);          // without waiting
  size_t write(const uint8_t* data, size_t n);  // without waiting: what the stack took
  void stop();

  bool buffered() const { return buffered_ > 0; }
  int descriptor() const { return fd_; }

 private:
  bool connectTo(const std::string& address, uint64_t timeoutMs, std::string& why);
  bool handshake(const std::string& host, std::string& why);
  bool step(int result, bool& wantsWrite);
  void receive();
  long put(const uint8_t* data, size_t n);
  void flushPending();

  int fd_ = -1;
  ssl_st* ssl_ = nullptr;
  bool tls_ = false;
  const char* ca_ = nullptr;
  bool ended_ = false;
  std::string in_;       // received, not yet read
  std::string pending_;  // written while the radio was off
  std::atomic<size_t> buffered_{0};
};

// waitForTraffic returns when a connection has something to read, or after so
// many real microseconds.
void waitForTraffic(int64_t us);

}  // namespace host
