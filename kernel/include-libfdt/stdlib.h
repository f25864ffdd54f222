/* SPDX-License-Identifier: MIT */
/* libfdt includes <stdlib.h>, but the part that reads device trees uses nothing of it. */
