import type { Target } from '#restorer'
import { openFileTarget } from '../../src/filesystem/index.ts'

/** A folder to restore somebody's files into, for trial, as the program gives it to the server. */
export function openTrialTarget(folder: string): Target {
  return openFileTarget(folder, { foreign: true })
}
