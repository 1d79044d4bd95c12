// glibc names here the functions that it lacks on 32 bits; nothing is linked with it.
#pragma once
