import type { ScriptSettings } from './settings.ts'

/** A script's settings, for tests that change what they are about. */
export function someSettings(more: Partial<ScriptSettings> = {}): ScriptSettings {
  return {
    machine: 'pc-7',
    repository: { url: 'http://127.0.0.1:8000/pc-7/', user: 'pc-7', password: 'rest-canary' },
    repositoryPassword: 'repository-canary',
    report: { url: 'http://127.0.0.1:8484/api/reports', token: 'token-canary' },
    paths: ['/home'],
    excludes: [],
    schedule: { hour: 2, minute: 30 },
    onBattery: true,
    ...more,
  }
}

/** What a program of PowerShell has in it, as its grammar cuts it (about_Quoting_Rules, about_Comments). */
interface PowerShellToken {
  readonly kind: 'verbatim' | 'expandable' | 'here' | 'comment' | 'other'
  /** The value of a verbatim string, else the text. */
  readonly text: string
}

const single = /['\u2018-\u201b]/

/** Throws where a string does not end. */
export function scanPowerShell(text: string): PowerShellToken[] {
  const tokens: PowerShellToken[] = []
  let at = 0
  const take = (kind: PowerShellToken['kind'], end: number, value = text.slice(at, end)) => {
    tokens.push({ kind, text: value })
    at = end
  }
  while (at < text.length) {
    const here = /^@['\u2018-\u201b][ \t]*\r?\n([\s\S]*?)\r?\n['\u2018-\u201b]@/.exec(text.slice(at))
    const character = text.charAt(at)
    if (here) take('here', at + here[0].length, here[1])
    else if (single.test(character)) {
      const { end, value } = verbatim(text, at)
      take('verbatim', end, value)
    } else if (character === '"') take('expandable', expandable(text, at))
    else if (character === '#') take('comment', at + (/^[^\n]*/.exec(text.slice(at))?.[0].length ?? 0))
    else take('other', at + 1)
  }
  return tokens
}

function verbatim(text: string, start: number): { readonly end: number; readonly value: string } {
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    if (single.test(text.charAt(at))) {
      if (!single.test(text.charAt(at + 1))) return { end: at + 1, value }
      at++
    }
    value += text.charAt(at)
  }
  throw new Error(`a string does not end: ${text.slice(start, start + 60)}`)
}

function expandable(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '`') at++
    else if (text[at] === '"') return at + 1
  }
  throw new Error(`a string does not end: ${text.slice(start, start + 60)}`)
}
