"""The decoders of the decode_bridge library, whose path is the script's first argument, as its scripts call them."""
import ctypes
import sys

import numpy as np

library = ctypes.CDLL(sys.argv[1])


def probe(data):
    """(code, width, height, message): code 0 is success."""
    size, message = (ctypes.c_uint32 * 2)(), ctypes.create_string_buffer(512)
    code = library.bridge_probe(data, ctypes.c_size_t(len(data)), size, message)
    return code, size[0], size[1], message.value.decode()


def decode(data, box, whole):
    """(code, pixels, message) of the box x, y, width, height."""
    out, message = np.zeros((box[3], box[2], 3), np.uint8), ctypes.create_string_buffer(512)
    code = library.bridge_decode(data, ctypes.c_size_t(len(data)), whole, (ctypes.c_uint32 * 4)(*box),
                                 out.ctypes.data_as(ctypes.c_void_p), message)
    return code, out, message.value.decode()
