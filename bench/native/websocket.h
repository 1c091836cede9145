/* RFC 6455 frames and the opening handshake, as the load generator and the floor need them. */
#ifndef BENCH_WEBSOCKET_H
#define BENCH_WEBSOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The key and answer of RFC 6455 section 1.3: one fixed pair spares both programs a SHA-1. */
#define WEBSOCKET_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WEBSOCKET_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };
enum { FRAME_HEADER_MAX = 14 };

struct frame {
	int opcode;
	unsigned char *payload; /* unmasked */
	size_t length;          /* of the payload */
	size_t size;            /* of the whole frame */
};

/* Reads the frame at `data`, unmasking it in place. Returns 1 for a whole frame, 0 when bytes are
 * missing, -1 for what neither program speaks: extensions and fragments, which were not negotiated. */
static inline int frame_parse(unsigned char *data, size_t available, struct frame *frame)
{
	size_t header = 2;
	if (available < header)
		return 0;
	if ((data[0] & 0xf0) != 0x80)
		return -1;
	uint64_t length = data[1] & 0x7f;
	if (length == 126) {
		header = 4;
		if (available < header)
			return 0;
		length = (uint64_t)data[2] << 8 | data[3];
	} else if (length == 127) {
		header = 10;
		if (available < header)
			return 0;
		length = 0;
		for (int i = 2; i < 10; i++)
			length = length << 8 | data[i];
	}
	int masked = data[1] & 0x80;
	unsigned char *mask = data + header;
	if (masked)
		header += 4;
	if (available < header || available - header < length)
		return 0;
	frame->opcode = data[0] & 0x0f;
	frame->payload = data + header;
	frame->length = (size_t)length;
	frame->size = header + (size_t)length;
	if (masked)
		for (size_t i = 0; i < length; i++)
			frame->payload[i] ^= mask[i & 3];
	return 1;
}

/* Writes the header of a final frame and returns its size; `mask` is NULL on the server's side. */
static inline size_t frame_header(unsigned char *out, int opcode, size_t length, const unsigned char *mask)
{
	size_t n = 2;
	out[0] = (unsigned char)(0x80 | opcode);
	if (length < 126) {
		out[1] = (unsigned char)length;
	} else if (length < 65536) {
		out[1] = 126;
		out[2] = (unsigned char)(length >> 8);
		out[3] = (unsigned char)length;
		n = 4;
	} else {
		out[1] = 127;
		for (int i = 0; i < 8; i++)
			out[2 + i] = (unsigned char)((uint64_t)length >> (56 - 8 * i));
		n = 10;
	}
	if (mask) {
		out[1] |= 0x80;
		memcpy(out + n, mask, 4);
		n += 4;
	}
	return n;
}

#endif
