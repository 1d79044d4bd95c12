// What link-xtensa must refuse: a function in a class body, with IRAM_ATTR.
#include <Arduino.h>

class Counter {
 public:
  void begin() { attachInterruptArg(4, onEdge, this, CHANGE); }
  uint32_t count() const { return count_; }

 private:
  static void IRAM_ATTR onEdge(void* self) { static_cast<Counter*>(self)->last_ = micros() / 1000003; }
  volatile uint32_t last_ = 0, count_ = 0;
};

Counter counter;

void setup() { counter.begin(); }
void loop() { Serial.println(counter.count()); }
