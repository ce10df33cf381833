import { closeSync, createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

import { makePipe } from '#filesystem'

import { startProgram } from '../programs/start-program.ts'
import type { ProgramEnd, ProgramOrder, StartedProgram } from '../programs/start-program.ts'
import { notStarted } from './programs.ts'

/** What is being written into a pipe: by a program, or by us. */
export interface Making extends AsyncDisposable {
  readonly descriptor: number
  /** How the program ended. */
  readonly ended: Promise<ProgramEnd>
  stop(): void
}

/** Starts a program that prints a dump. Throws DATABASE_TOOL_MISSING. */
export async function makeByProgram(
  order: ProgramOrder,
  about: { readonly engine: string; readonly package: string },
): Promise<Making> {
  return await makeFrom(async (stdout) => {
    try {
      return await startProgram(order, ['ignore', stdout])
    } catch (thrown) {
      throw notStarted(order.program, about, thrown)
    }
  })
}

/** `start` starts a program that writes to the descriptor it is given. */
export async function makeFrom(start: (stdout: number) => Promise<StartedProgram>): Promise<Making> {
  const { reading, writing } = makePipe()
  try {
    const { child, ended, kill } = await start(writing)
    const dispose = async () => {
      // Not after its end: its number may be another's by then.
      if (child.exitCode === null && child.signalCode === null) kill()
      await ended
      closeSync(reading)
    }
    return { descriptor: reading, ended, stop: kill, [Symbol.asyncDispose]: dispose }
  } catch (thrown) {
    closeSync(reading)
    throw thrown
  } finally {
    closeSync(writing) // ours: else the end of the program would not be the end of the data
  }
}

/** Writes a text that is known. */
export function makeOfText(text: string): Making {
  const { reading, writing } = makePipe()
  const stream = createWriteStream('', { fd: writing })
  const written = finished(stream).then(
    () => 0,
    () => 1,
  )
  stream.end(text)
  return {
    descriptor: reading,
    ended: written.then((code) => ({ code, signal: null, stderr: '' })),
    stop: () => stream.destroy(),
    [Symbol.asyncDispose]: async () => {
      closeSync(reading) // a writer that still waits for room is told by that
      await written
    },
  }
}
