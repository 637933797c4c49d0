"""Ids of traces and spans that are derived, so that an SDK and the server come to the same ones.

Those of a seed are the first words of four blocks of an 8-round ChaCha keyed with its SHA-256 digest
(connect-realtime §3.3).
"""

from hashlib import sha256

from libc.stdint cimport uint32_t
from libc.string cimport memcpy


cdef inline uint32_t turn(uint32_t value, int by) noexcept nogil:
    return (value << by) | (value >> (32 - by))


cdef inline void quarter(uint32_t* x, int a, int b, int c, int d) noexcept nogil:
    x[a] += x[b]; x[d] = turn(x[d] ^ x[a], 16)
    x[c] += x[d]; x[b] = turn(x[b] ^ x[c], 12)
    x[a] += x[b]; x[d] = turn(x[d] ^ x[a], 8)
    x[c] += x[d]; x[b] = turn(x[b] ^ x[c], 7)


cdef void block(const uint32_t* key, uint32_t counter, uint32_t* x) noexcept nogil:
    cdef int i
    x[0], x[1], x[2], x[3] = 0x61707865, 0x3320646E, 0x79622D32, 0x6B206574
    for i in range(8):
        x[4 + i] = key[i]
    x[12], x[13], x[14], x[15] = counter, 0, 0, 0
    for i in range(4):
        quarter(x, 0, 4, 8, 12)
        quarter(x, 1, 5, 9, 13)
        quarter(x, 2, 6, 10, 14)
        quarter(x, 3, 7, 11, 15)
        quarter(x, 0, 5, 10, 15)
        quarter(x, 1, 6, 11, 12)
        quarter(x, 2, 7, 8, 13)
        quarter(x, 3, 4, 9, 14)


def derive(bytes seed):
    """The trace id, 16 bytes, and the span id, 8 bytes, of a seed."""
    cdef uint32_t key[8]
    cdef uint32_t x[16]
    cdef uint32_t out[6]
    cdef int i
    cdef bytes digest = sha256(seed).digest()
    memcpy(key, <const char*>digest, 32)
    for i in range(4):
        block(key, i, x)
        out[i] = x[0]
        if i < 2:
            out[4 + i] = x[1]
    cdef bytes words = (<char*>out)[:24]
    return words[:16], words[16:]
