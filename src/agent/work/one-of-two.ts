import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { AgentError } from '../errors.ts'
import { isOtherMachine, readMachineMarks } from '../link/this-machine.ts'
import type { AgentFolder, Enrolled } from '../state.ts'

/** A copy would go on as the machine that it was made from, with its key and into its repository. Throws `MACHINE_DIFFERS`. */
export async function requireSameMachine(folder: AgentFolder, enrolled: Enrolled): Promise<void> {
  const { marks: known = {}, origin } = enrolled
  const here = await readMachineMarks()
  if (isOtherMachine(known, here)) throw new AgentError('MACHINE_DIFFERS', { origin })
  const marks = { ...known, ...here }
  if (!isDeepStrictEqual(marks, known)) await folder.writeEnrolled({ ...enrolled, marks })
}

/** What the agent says so that its server can tell it from the agent of a copy, and says to people when there is one. */
export class OneOfTwo {
  /** Tells this start of the agent from every other. */
  readonly run = randomUUID()
  readonly #say: (sentence: string) => void
  #isTold = false

  constructor(say: (sentence: string) => void) {
    this.#say = say
  }

  /** Takes in whether the server has heard of two. */
  hear(usedByTwo = false): void {
    if (usedByTwo && !this.#isTold) this.#say(sentence)
    this.#isTold = usedByTwo
  }
}

const sentence =
  'another agent works with the key of this machine; jobs go to the one that was there first. ' +
  'Of a copy, make a machine of its own: understudy agent enroll --anew LINE'
