/**
 * A module of Node's own that only some runs need, loaded when it is asked for. An `import` would load it at every start, with
 * all that its getters lead to: 58 ms for `node:http` alone.
 */
export function builtIn<Name extends keyof BuiltIns>(name: Name): BuiltIns[Name] {
  return process.getBuiltinModule(name)
}

interface BuiltIns {
  'node:http': typeof import('node:http')
  'node:https': typeof import('node:https')
  'node:tls': typeof import('node:tls')
}
