#pragma once

/// Marks a function that runs on the host and, compiled by nvcc, on a device too. One of the project's few
/// macros: the two attributes have no other spelling.
#if defined(__CUDACC__)
#define FOREBAY_HD __host__ __device__
#else
#define FOREBAY_HD
#endif
