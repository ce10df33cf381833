import type { ApiCommand } from '#protocol'
import table from './api-commands.json' with { type: 'json' }

/** The commands that call the API, as `scripts/build-api-commands.ts` makes them from the server’s routes. */
export const apiCommands = table as readonly ApiCommand[]

/** Those of a thing: `machine list`, `machine approve`, … */
export function commandsOf(thing: string): readonly ApiCommand[] {
  return apiCommands.filter(({ command }) => command.startsWith(`${thing} `))
}

/** The command that lists things of a kind: by it names become ids. */
export function listCommandOf(thing: string): ApiCommand | undefined {
  return apiCommands.find(({ command }) => command === `${thing} list`)
}

/** Names of the parameters in a path, in their order. */
export function paramsOf({ path }: Pick<ApiCommand, 'path'>): readonly string[] {
  return [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name as string)
}

/** The path with its parameters, for a call. */
export function fillPath({ path }: Pick<ApiCommand, 'path'>, params: Readonly<Record<string, string>>): string {
  return path.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
}

/** The kind of thing that a field names: `policies`, `policyId` and `policy` name policies. Undefined: none with a list. */
export function thingOf(field: string): string | undefined {
  const one = field.replace(/Ids?$/, '')
  const forms = [one, one.replace(/ies$/, 'y'), one.replace(/s$/, '')]
  return forms.map(kebabCase).find((form) => listCommandOf(form) !== undefined)
}

/** `machineKind` → `machine-kind`. */
export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
