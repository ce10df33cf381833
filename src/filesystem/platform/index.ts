/**
 * The one door to the operating system: Linux through its C library, others through what Node offers.
 * Nothing outside this folder asks which system it runs on.
 */
import { hasLibc } from './libc.ts'
import { linux } from './linux.ts'
import type { Platform } from './platform.ts'
import { portable } from './portable.ts'

export { fromRaw, toRaw } from './platform.ts'
export type { Attributes, FileStat, OpenFolder, OpenOptions, Platform } from './platform.ts'

export const platform: Platform = hasLibc ? linux : portable
