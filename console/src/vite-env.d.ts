/// <reference types="vite/client" />
interface Window {
  trustedTypes?: { createPolicy(name: string, rules: { createScriptURL: (to: string) => string }): { createScriptURL(to: string): unknown } };
}
