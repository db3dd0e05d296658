/* The rows of devices.def. */
#ifndef ERC_DEVICES_H
#define ERC_DEVICES_H

#include "runtime/core/device.h"

#define X(name) extern const struct erc__device_ops name##_device;
#include "runtime/devices/devices.def"
#undef X

#endif
