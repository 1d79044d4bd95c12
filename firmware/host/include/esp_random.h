// Stand-in for ESP-IDF's hardware random numbers.
#pragma once

#include <cstddef>
#include <cstdint>

uint32_t esp_random();
void esp_fill_random(void* out, size_t n);
