// SPDX-License-Identifier: Apache-2.0
// Empty: a target that only makes precompiled headers has to have a file.
