import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lastWords, startProgram } from '../programs/start-program.ts'
import { systemClock } from '#base'
import type { Clock } from '#base'
import type { PowerAndLine } from '#policy'

/** What a machine knows of its power and its line; `unknown` names in words what it cannot tell. */
export interface KnownPowerAndLine extends PowerAndLine {
  readonly unknown: readonly string[]
}

export interface AskOptions {
  /** Which of the two are wanted. */
  readonly battery: boolean
  readonly line: boolean
  /** The folder that stands for the machine's root. */
  readonly root?: string
  /** Name or path of NetworkManager's program. */
  readonly nmcli?: string
  readonly clock?: Clock
}

/** Asks the machine how full its battery is while it runs on it, and whether its line is paid for by use. */
export async function askPowerAndLine({
  battery,
  line,
  root = '/',
  nmcli = 'nmcli',
  clock = systemClock,
}: AskOptions): Promise<KnownPowerAndLine> {
  const unknown: string[] = []
  const batteryPercent = battery ? await batteryOf(root) : undefined
  if (batteryPercent === 'unknown') unknown.push('whether it runs on its battery')
  const meteredLine = line ? await isMetered(root, nmcli, clock) : undefined
  if (line && meteredLine === undefined) unknown.push('whether its line is paid for by use')
  return {
    unknown,
    ...(typeof batteryPercent === 'number' && { batteryPercent }),
    ...(meteredLine !== undefined && { meteredLine }),
  }
}

/** Per cent while it runs on it; undefined on mains and without one. Linux: Documentation/ABI/testing/sysfs-class-power. */
async function batteryOf(root: string): Promise<number | 'unknown' | undefined> {
  const folder = join(root, 'sys/class/power_supply')
  const names = await readdir(folder).catch(() => undefined)
  if (!names) return 'unknown'
  const supplies = await Promise.all(names.map(async (name) => await readSupply(join(folder, name))))
  // A mouse has a battery, too: what it says is its own matter.
  const own = supplies.filter(({ type, scope }) => type === 'Battery' && scope !== 'Device')
  if (own.length === 0) return undefined
  const onMains = supplies.some(({ type, online }) => type !== 'Battery' && online === '1')
  if (onMains || own.every(({ status }) => status === 'Charging' || status === 'Full')) return undefined
  const charges = own.map(({ capacity }) => Number(capacity)).filter((charge) => charge >= 0 && charge <= 100)
  return charges.length === 0 ? 'unknown' : Math.max(...charges)
}

async function readSupply(folder: string) {
  const read = async (name: string) => (await readFile(join(folder, name), 'utf8').catch(() => '')).trim()
  const [type, scope, status, capacity, online] = await Promise.all(
    ['type', 'scope', 'status', 'capacity', 'online'].map(read),
  )
  return { type, scope, status, capacity: capacity === '' ? undefined : capacity, online }
}

/** Of the line that the default route takes, as NetworkManager has it; undefined: nobody can say. */
async function isMetered(root: string, nmcli: string, clock: Clock): Promise<boolean | undefined> {
  const routes = await readFile(join(root, 'proc/net/route'), 'utf8').catch(() => '')
  const device = routes
    .split('\n')
    .map((line) => line.split('\t'))
    .find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0]
  if (device === undefined) return undefined
  const said = await ask(nmcli, ['-g', 'GENERAL.METERED', 'device', 'show', device], clock)
  // `yes`, `no`, either with "(guessed)", or `unknown`.
  const [word] = said.trim().split(/\s/)
  return word === 'yes' ? true : word === 'no' ? false : undefined
}

/** Milliseconds that the program may take. */
const patience = 5_000

async function ask(program: string, args: readonly string[], clock: Clock): Promise<string> {
  const started = await startProgram({ program, args }, ['ignore', 'pipe']).catch(() => undefined)
  if (!started) return ''
  const printed = lastWords(started.child.stdout)
  const over = new AbortController()
  const late = clock.sleep(patience, { signal: over.signal }).then(
    () => started.kill(),
    () => undefined,
  )
  const { code } = await started.ended
  over.abort()
  await late
  return code === 0 ? printed() : ''
}
