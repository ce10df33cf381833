import { UnderstudyError, systemClock } from '#base'
import { questions } from '../api/ask.ts'
import { readAnswer } from '../api/connection.ts'
import { addServerFlags, findServer } from '../api/find-server.ts'
import { ProvenCalls } from '../api/proven-calls.ts'
import { readYamlFile } from '../api/yaml-text.ts'
import { readDeclared, refuseMistakes } from '../apply/declared.ts'
import { ApplyError } from '../apply/errors.ts'
import { Executor } from '../apply/execute.ts'
import type { Sender } from '../apply/execute.ts'
import { findOut } from '../apply/found.ts'
import { planApply } from '../apply/plan.ts'
import type { Plan, Step } from '../apply/plan.ts'
import { describePlan, nameStep } from '../apply/show-plan.ts'
import type { CliCommand } from '../command.ts'
import { flag, setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'

const text = `
Makes the server as a YAML file declares it: clients with their backup policies and machines, and people with their roles.
It shows first what would change, and asks. What is on the server and not in the file is left alone, and named. Where nothing
differs, nothing is done. docs/apply.md describes the file.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy apply business.yaml --dry-run',
      'understudy apply business.yaml',
      'understudy apply - --yes',
    ],
    exitCodes: { 2: 'With --dry-run: the server is not as the file says.' },
    ofServer: true,
  })
  command.argument('<file>', 'what is declared, in YAML; - for standard input')
  command.addOption(flag('-n, --dry-run', 'change nothing, only show what would be'))
  command.addOption(flag('-y, --yes', 'do not ask'))
  addServerFlags(command)
  runs(command, apply, { outlivesOutput: true })
}

async function apply(context: CommandContext, [file = '']: readonly string[], flags: CommandFlags): Promise<void> {
  const { signal } = context
  const path = file === '-' ? 'Standard input' : file
  const yaml = await readYamlFile(file)
  const declared = readDeclared(yaml, { path, now: systemClock.now() })
  const server = findServer(context, flags)
  await using proven = new ProvenCalls(server, questions(signal), { signal })
  const send: Sender = async (call, answer) => readAnswer(answer, await proven.call(call), server)
  const found = await findOut(async (at, answer) => await send({ method: 'GET', path: at }, answer), declared)
  const plan = planApply(declared, found, { isAsked: flags['yes'] !== true })
  refuseMistakes(plan.mistakes, yaml, path)
  show(context, plan)
  if (plan.steps.length === 0) return
  if (flags['dryRun'] === true) throw new ApplyError('APPLY_DIFFERS', { count: plan.steps.length })
  if (flags['yes'] !== true) await confirm(context, plan)
  await carryOut(context, plan.steps, new Executor(found, send))
}

function show({ printer }: CommandContext, plan: Plan): void {
  const { steps, waits, leftAlone } = plan
  if (printer.isJson) return printer.json({ message_type: 'plan', steps, waits, left_alone: leftAlone })
  for (const line of describePlan(plan)) printer.result(line)
  if (steps.length === 0) printer.say('Nothing differs: the server is as the file says.')
}

async function confirm({ signal }: CommandContext, { steps }: Plan): Promise<void> {
  const { isTerminal, ask } = questions(signal)
  const answer = isTerminal ? await ask(`Make these changes (${steps.length})? Type yes or no: `) : 'no'
  if (answer !== 'yes') throw new ApplyError('APPLY_NOT_CONFIRMED')
}

/** Stops at the first step that fails: later ones may need it. */
async function carryOut(
  { printer, signal }: CommandContext,
  steps: readonly Step[],
  executor: Executor,
): Promise<void> {
  for (const [at, step] of steps.entries()) {
    signal.throwIfAborted()
    const { link } = await executor.carryOut(step).catch((thrown: unknown) => {
      signal.throwIfAborted()
      throw stopped(thrown, { done: at, count: steps.length })
    })
    const about = nameStep(step)
    if (printer.isJson) printer.json({ message_type: 'step_done', do: step.do, about, ...(link && { link }) })
    else printer.say(`done: ${about}`)
    if (link !== undefined && !printer.isJson) printer.result(`      the link, shown once: ${link}`)
  }
  if (printer.isJson) printer.json({ message_type: 'applied', changes: steps.length })
}

function stopped(thrown: unknown, { done, count }: { readonly done: number; readonly count: number }): unknown {
  if (!(thrown instanceof UnderstudyError)) return thrown
  const { message: reason, code: serverCode, hint: advice } = thrown
  return new ApplyError('APPLY_STOPPED', { number: done + 1, count, done, reason, serverCode, advice, cause: thrown })
}
