import { join } from 'node:path'
import type { OwnProgram } from '#agent'
import { programFolder } from '#base'

/** This program, for those who start it as a child. */
export const ownProgram: OwnProgram = { command: [process.execPath, join(programFolder, 'bin', 'understudy.js')] }
