import { operationSchema } from '#protocol'
import type { ApiCommand } from '#protocol'
import { z } from 'zod'
import { questions } from '../api/ask.ts'
import { addAuditFileFlags, verifyNamedFile } from '../api/audit-file.ts'
import { callApi, openApi, piecesOf, readAnswer, readJson } from '../api/connection.ts'
import { addServerFlags, findServer } from '../api/find-server.ts'
import type { ServerAccess } from '../api/find-server.ts'
import { Names } from '../api/names.ts'
import { isText, printText } from '../api/print-text.ts'
import { ProvenCalls } from '../api/proven-calls.ts'
import { addInput, exampleOf, readInput } from '../api/read-input.ts'
import { saveAnswer } from '../api/save-answer.ts'
import { saveTexts, textsIn } from '../api/save-texts.ts'
import { showAnswer } from '../api/show-answer.ts'
import { signIn } from '../api/sign-in.ts'
import { commandsOf } from '../api/table.ts'
import { refuseWrongCode } from '../api/kit-code.ts'
import { refuseBadEnd, waitForEnd } from '../api/wait.ts'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'

/** The commands that are calls of the server’s API, a thing and a verb each; made from the server’s routes. */

export function define(command: CliCommand): void {
  const thing = command.name()
  const all = commandsOf(thing)
  const text = `${command.summary().replace(/^./, (first) => first.toUpperCase())}. Each command is a call of the server's API.`
  setHelp(command, { text, examples: all.slice(0, 3).map(exampleOf), ofServer: true })
  for (const about of all) defineCall(command.command(about.command.slice(thing.length + 1)), about)
}

function defineCall(command: CliCommand, about: ApiCommand): void {
  const exitCodes = about.isOperation ? { 3: 'With --wait: it ended with warnings.' } : {}
  setHelp(command, { text: about.summary, examples: [exampleOf(about)], exitCodes, ofServer: true })
  command.summary(about.summary.charAt(0).toLowerCase() + about.summary.slice(1).replace(/\.$/, ''))
  addInput(command, about)
  if (about.isOperation) command.addOption(flag('--wait', 'show how far it is until it has ended'))
  if (about.isFile || textsIn(about.command)) {
    command.addOption(
      valueFlag('--to <file>', 'where to save it (default: here, by its own name; - for standard output)'),
    )
    command.addOption(flag('--force', 'replace a file that is there'))
  }
  addServerFlags(command)
  const mayBeFile = about.command === 'audit verify'
  if (mayBeFile) addAuditFileFlags(command)
  runs(
    command,
    async (context, args, flags) => {
      if (mayBeFile && (await verifyNamedFile(context, flags))) return
      await call(context, about, { args, flags })
    },
    { outlivesOutput: true },
  )
}

async function call(
  context: CommandContext,
  about: ApiCommand,
  typed: { readonly args: readonly string[]; readonly flags: CommandFlags },
): Promise<void> {
  const { printer, signal } = context
  const server = findServer(context, typed.flags)
  const asked = questions(signal)
  const tokenHeaders = headersOf(server)
  const names = new Names(server, tokenHeaders, { signal })
  const input = await readInput(context, about, { ...typed, names, questions: asked })
  await using proven = new ProvenCalls(server, asked, { signal })
  await using session = about.bySession ? await signIn(server, asked, { signal }) : undefined
  const wanted = { method: about.method, ...input }
  const open = async () =>
    session ? await openApi(server, { ...wanted, headers: session.headers }, { signal }) : await proven.open(wanted)
  const saving = { to: textOf(typed.flags, 'to'), force: typed.flags['force'] === true }
  if (about.isFile) return await saveAnswer(context, { server, call: open }, saving)
  const texts = printer.isJson ? undefined : textsIn(about.command)
  if (texts) {
    const made = async () => await readJson(server, await open(), { signal })
    return await saveTexts(context, { texts, call: made }, saving)
  }
  const opened = await open()
  if (isText(opened)) return await printText(printer, piecesOf(server, opened, { signal }))
  const answer = await readJson(server, opened, { signal })
  const shown = {
    command: about.command,
    nameOf: async (kind: string, id: string) => await names.nameOf(kind, id),
  }
  if (typed.flags['wait'] !== true) {
    await showAnswer(printer, isPolicyFor(about, printer) ? policyIn(answer) : answer, shown)
    if (about.command === 'kit confirm') refuseWrongCode(answer)
    return
  }
  const fetch = async (id: string) => {
    const path = `/api/operations/${id}`
    const now = await callApi(server, { method: 'GET', path, headers: tokenHeaders }, { signal })
    return readAnswer(operationSchema, now, server)
  }
  const ended = await waitForEnd(readAnswer(operationSchema, answer, server), fetch, { printer, signal })
  await showAnswer(printer, ended)
  refuseBadEnd(ended)
}

/** People see of a policy what they may change and give back by --file. */
function isPolicyFor({ command }: ApiCommand, { isJson }: CommandContext['printer']): boolean {
  return command === 'policy show' && !isJson
}

function policyIn(answer: unknown): unknown {
  return z.object({ policy: z.unknown() }).parse(answer).policy
}

function headersOf({ token }: ServerAccess): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` }
}
