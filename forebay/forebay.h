#pragma once

// Everything that a program needs: #include <forebay/forebay.h> or "forebay/forebay.h".
#include "host/error.h"
#include "host/process/init.h"
#include "pipeline/pipeline.h"
