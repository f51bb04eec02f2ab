<<<<<<<< HEAD:src/secondsite/api/built_console/assets/resizeObserver-BRD7OqGi.js
import{j as e}from"./state-Ds3D8HtK.js";var t=(t,n,r)=>{let i;if(e){let{ResizeObserver:e}=window;if(t&&e){let a=new e(e=>{r?window.requestAnimationFrame(()=>{Array.isArray(e)&&e.length>0&&n()}):Array.isArray(e)&&e.length>0&&n()});a.observe(t),i=()=>a.unobserve(t)}else window.addEventListener(`resize`,n),i=()=>window.removeEventListener(`resize`,n)}return()=>{i&&i()}};export{t};
========
import{M as e}from"./state-D7-wEu74.js";var t=(t,n,r)=>{let i;if(e){let{ResizeObserver:e}=window;if(t&&e){let a=new e(e=>{r?window.requestAnimationFrame(()=>{Array.isArray(e)&&e.length>0&&n()}):Array.isArray(e)&&e.length>0&&n()});a.observe(t),i=()=>a.unobserve(t)}else window.addEventListener(`resize`,n),i=()=>window.removeEventListener(`resize`,n)}return()=>{i&&i()}};export{t};
>>>>>>>> 3fcc00f8 (What is configured is edited in the console):src/secondsite/api/built_console/assets/resizeObserver-CzUzR9tp.js
